// Tells a screen reader what the answer does, in a few words and not too often. The text itself is in the log, to
// be read when it is there.

import { useSignal, useSignalEffect } from '@preact/signals';
import type { JSX } from 'preact';
import { isOpen } from '../chat/answer.ts';
import type { Answer, AnswerState } from '../chat/answer.ts';
import type { Chat } from '../chat/chat.ts';
import { strings } from '../strings.ts';

/** Often enough to know that it goes on, seldom enough to listen to something else. */
const repeatMs = 7000;

export function Announcer({ chat }: { readonly chat: Chat }): JSX.Element {
  const text = useSignal('');
  const known = useSignal<Answer | undefined>(undefined);
  useSignalEffect(() => {
    const answer = chat.latest.value;
    if (answer === undefined) {
      text.value = '';
      return undefined;
    }
    const state = answer.state.value;
    // An answer that had ended before the page was opened is no news.
    if (known.peek() !== answer && !isOpen(state)) return undefined;
    known.value = answer;
    text.value = announcement(state);
    if (state.type !== 'streaming') return undefined;
    const timer = setInterval(() => {
      text.value = strings.status.streamingFor(wordCount(answer.text));
    }, repeatMs);
    return () => {
      clearInterval(timer);
    };
  });
  return (
    <p class="unseen" role="status">
      {text.value}
    </p>
  );
}

function announcement(state: AnswerState): string {
  if (state.type === 'failed') return strings.status.failed(strings.problems[state.problem.code]);
  return strings.status[state.type];
}

function wordCount(text: string): number {
  return text.split(/\s+/).filter((word) => word !== '').length;
}
