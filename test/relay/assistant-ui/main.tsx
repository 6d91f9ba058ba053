// assistant-ui's runtime with nothing around it: a thread, and what a test needs to drive it.

import { AssistantChatTransport, createResumableSessionStorage, useChatRuntime } from '@assistant-ui/ai-sdk';
import { AssistantRuntimeProvider } from '@assistant-ui/core/react';
import { useAuiState } from '@assistant-ui/store';
import { useState } from 'react';
import type { ReactNode } from 'react';
import { createRoot } from 'react-dom/client';

function Thread(): ReactNode {
  const messages = useAuiState(({ thread }) => thread.messages);
  const isRunning = useAuiState(({ thread }) => thread.isRunning);
  return (
    <section role="log" aria-busy={isRunning}>
      {messages.map(({ id, role, content, status }) => (
        <article key={id} className={role} data-status={status?.type}>
          {content.map((part, index) => (
            <p key={index} className={part.type}>
              {'text' in part ? part.text : 'toolName' in part ? part.toolName : part.type}
            </p>
          ))}
          {status?.type === 'incomplete' && <small>{JSON.stringify(status.error)}</small>}
        </article>
      ))}
    </section>
  );
}

function App(): ReactNode {
  const [transport] = useState(
    () =>
      new AssistantChatTransport({
        api: '/api/chat?v=7',
        resumable: {
          storage: createResumableSessionStorage(),
          resumeApi: (id) => `/streams/${id}?format=ui&v=7`,
        },
      }),
  );
  const runtime = useChatRuntime({ transport });
  const [text, setText] = useState('');
  return (
    <AssistantRuntimeProvider runtime={runtime}>
      <Thread />
      <input aria-label="Message" value={text} onChange={(event) => setText(event.target.value)} />
      <button onClick={() => runtime.thread.append(text)}>Send</button>
      <button onClick={() => runtime.thread.cancelRun()}>Stop</button>
    </AssistantRuntimeProvider>
  );
}

const root = document.querySelector('#root');
if (root !== null) createRoot(root).render(<App />);
