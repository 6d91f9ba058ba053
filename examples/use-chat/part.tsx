import type { UIMessage } from 'ai';
import type { ReactNode } from 'react';

type MessagePart = UIMessage['parts'][number];

/** What is not shown here (sources aside, a page's own data) is nothing to a reader. */
export function Part({ part }: { part: MessagePart }): ReactNode {
  if (part.type === 'text') return <p>{part.text}</p>;
  if (part.type === 'reasoning' && part.text !== '')
    return (
      <details>
        <summary>{part.state === 'done' ? 'Thought' : 'Thinking…'}</summary>
        {part.text}
      </details>
    );
  if (part.type === 'dynamic-tool')
    return (
      <pre>
        {part.toolName} {JSON.stringify(part.input)} {part.state === 'output-error' && part.errorText}
      </pre>
    );
  if (part.type === 'source-url') return <a href={part.url}>{part.title ?? part.url}</a>;
  return null;
}
