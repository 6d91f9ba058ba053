import { useChat } from '@ai-sdk/react';
import { DefaultChatTransport } from 'ai';
import type { UIMessage } from 'ai';
import { useEffect, useState } from 'react';
import type { ReactNode, SyntheticEvent } from 'react';
import { Part } from './part.tsx';
import { createResumingFetch } from './resuming-fetch.ts';

interface ChatProps {
  id: string;
  messages: UIMessage[];
  onChange: (messages: UIMessage[]) => void;
}

/** `v=7`: this page's AI SDK knows all parts of its version. Without the `fetch` an answer whose connection breaks is
 * shown as an error until the page is opened again. */
const transport = new DefaultChatTransport<UIMessage>({
  api: '/api/chat?v=7',
  fetch: createResumingFetch(),
});

export function Chat({ id, messages: kept, onChange }: ChatProps): ReactNode {
  // With `resume` an answer that still comes is followed again after a reload, from its beginning.
  const chat = useChat({ id, messages: kept, resume: true, transport });
  const { messages, status, error, sendMessage, regenerate } = chat;
  useEffect(() => {
    // What still comes is the relay's to keep.
    if (status !== 'streaming') onChange(messages);
  }, [messages, status, onChange]);
  const isBusy = status === 'submitted' || status === 'streaming';

  // Leaving is not stopping: who leaves may come back. So the relay is told first.
  const stop = async (): Promise<void> => {
    await fetch(`/api/chat/${encodeURIComponent(id)}/stop`, { method: 'POST' });
  };

  return (
    <main>
      <section role="log" aria-busy={isBusy}>
        {messages.map((message) => (
          <Message key={message.id} message={message} />
        ))}
      </section>
      {error !== undefined && (
        <p role="alert">
          {error.message} <button onClick={() => void regenerate()}>Ask again</button>
        </p>
      )}
      <Composer isBusy={isBusy} onSend={(text) => void sendMessage({ text })} onStop={() => void stop()} />
    </main>
  );
}

function Message({ message }: { message: UIMessage }): ReactNode {
  const { ending } = (message.metadata ?? {}) as { ending?: { type: string } };
  return (
    <article className={message.role}>
      {message.parts.map((part, index) => (
        // Parts only grow in number, and have no name of their own.
        <Part key={index} part={part} />
      ))}
      {ending?.type === 'stopped' && <small>Stopped</small>}
      {ending?.type === 'failed' && <small>Broken off</small>}
    </article>
  );
}

interface ComposerProps {
  isBusy: boolean;
  onSend: (text: string) => void;
  onStop: () => void;
}

function Composer({ isBusy, onSend, onStop }: ComposerProps): ReactNode {
  const [text, setText] = useState('');
  const send = (event: SyntheticEvent): void => {
    event.preventDefault();
    if (text.trim() === '' || isBusy) return;
    onSend(text);
    setText('');
  };
  return (
    <form onSubmit={send}>
      <input aria-label="Message" value={text} onChange={(event) => setText(event.target.value)} />
      {isBusy ? (
        <button type="button" onClick={onStop}>
          Stop
        </button>
      ) : (
        <button>Send</button>
      )}
    </form>
  );
}
