// The model's thinking: closed until somebody opens it, and then as they left it. Its text is not in the page
// while it is closed.

import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { AnswerBlock } from '../chat/answer-block.ts';
import { strings } from '../strings.ts';
import { Icon } from './icon.tsx';

export function ThinkingBlock({ view }: { readonly view: AnswerBlock }): JSX.Element {
  const isShown = useSignal(false);
  const isLive = view.isOpen.value;
  return (
    <details
      class={isLive ? 'thinking live' : 'thinking'}
      open={isShown.value}
      onToggle={(event) => {
        isShown.value = event.currentTarget.open;
      }}
    >
      <summary>
        <Icon name="chevron" />
        <span>{isLive ? strings.thinking.live : title(view.durationMs)}</span>
      </summary>
      {isShown.value && <ThinkingText view={view} />}
    </details>
  );
}

function ThinkingText({ view }: { readonly view: AnswerBlock }): JSX.Element {
  void view.revision.value;
  const text = 'thinking' in view.block ? String(view.block.thinking) : '';
  return (
    <div class="thinking-text" tabIndex={0}>
      {text === '' ? strings.thinking.empty : text}
    </div>
  );
}

function title(durationMs: number | undefined): string {
  if (durationMs === undefined) return strings.thinking.done;
  return strings.thinking.doneIn(Math.max(1, Math.round(durationMs / 1000)));
}
