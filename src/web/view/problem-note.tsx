// What went wrong with an answer, on the answer, and what can be done about it.

import { useSignal, useSignalEffect } from '@preact/signals';
import type { JSX } from 'preact';
import type { Answer } from '../chat/answer.ts';
import type { Chat } from '../chat/chat.ts';
import type { Problem } from '../chat/problem.ts';
import { strings } from '../strings.ts';
import { Icon } from './icon.tsx';

interface Properties {
  readonly answer: Answer;
  readonly chat: Chat;
  readonly problem: Problem;
}

export function ProblemNote({ answer, chat, problem }: Properties): JSX.Element {
  const isLatest = chat.latest.value === answer;
  const canReconnect = problem.code === 'connection_lost' && answer.streamId !== undefined;
  return (
    <div class="problem">
      <p class="problem-title">{strings.problems[problem.code]}</p>
      {problem.message !== '' && <p class="problem-message">{problem.message}</p>}
      {problem.requestId !== undefined && (
        <p class="problem-request">{strings.message.requestId(problem.requestId)}</p>
      )}
      {isLatest && (
        <p class="problem-actions">
          {canReconnect && (
            <button type="button" class="button" onClick={() => chat.reconnect()}>
              {strings.message.reconnect}
            </button>
          )}
          <RetryButton chat={chat} notBeforeMs={problem.retryAtMs ?? 0} />
        </p>
      )}
    </div>
  );
}

/** Counts down to when it is of use, and does nothing by itself. */
function RetryButton({ chat, notBeforeMs }: { chat: Chat; notBeforeMs: number }): JSX.Element {
  const secondsLeft = useSignal(secondsUntil(notBeforeMs));
  useSignalEffect(() => {
    if (secondsLeft.value === 0) return undefined;
    const timer = setTimeout(() => {
      secondsLeft.value = secondsUntil(notBeforeMs);
    }, 1000);
    return () => {
      clearTimeout(timer);
    };
  });
  const isEarly = secondsLeft.value > 0;
  return (
    <button type="button" class="button" disabled={isEarly} onClick={() => chat.retry()}>
      <Icon name="retry" />
      {isEarly ? strings.message.retryIn(secondsLeft.value) : strings.message.retry}
    </button>
  );
}

function secondsUntil(timeMs: number): number {
  return Math.max(0, Math.ceil((timeMs - Date.now()) / 1000));
}
