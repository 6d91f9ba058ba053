// What stands where a conversation is going to be.

import type { JSX } from 'preact';
import type { Chat } from '../chat/chat.ts';
import { strings } from '../strings.ts';

export function EmptyChat({ chat }: { readonly chat: Chat }): JSX.Element {
  return (
    <section class="welcome">
      <Wheel />
      <p class="welcome-title">{strings.empty.title}</p>
      <p class="welcome-text">{strings.empty.text}</p>
      {chat.info.value?.simulated === true && (
        <ul class="suggestions" aria-label={strings.empty.suggestions}>
          {strings.suggestions.map(({ label, prompt }) => (
            <li key={label}>
              <button type="button" class="suggestion" onClick={() => chat.send(prompt)}>
                {label}
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

/** A mill wheel in its stream: buckets between two rims, and spokes. */
function Wheel(): JSX.Element {
  return (
    <svg class="wheel" viewBox="-32 -32 64 64" aria-hidden="true" focusable="false">
      <g class="wheel-turning">
        <circle r="24.5" />
        <circle r="17" />
        <circle r="2.5" />
        {turns(12).map((angle) => (
          <path key={angle} d="M-2.2 17L2.2 24.5" transform={`rotate(${angle})`} />
        ))}
        {turns(6).map((angle) => (
          <path key={angle} d="M0 2.5V17" transform={`rotate(${angle + 15})`} />
        ))}
      </g>
      <path class="wheel-water" d="M-40 27q4-3 8 0t8 0 8 0 8 0 8 0 8 0 8 0 8 0 8 0 8 0" />
    </svg>
  );
}

function turns(count: number): number[] {
  return Array.from({ length: count }, (_, index) => (index * 360) / count);
}
