// What stands below an answer: how it goes on, how it ended when that was not plain, what it cost.

import type { JSX } from 'preact';
import type { DeepReadonly, Message } from '../../protocol/index.ts';
import type { Answer } from '../chat/answer.ts';
import type { Chat } from '../chat/chat.ts';
import { strings } from '../strings.ts';
import { CopyButton } from './copy-button.tsx';
import { ProblemNote } from './problem-note.tsx';

interface Properties {
  readonly answer: Answer;
  readonly chat: Chat;
}

export function AnswerEnd({ answer, chat }: Properties): JSX.Element | null {
  const { value: state } = answer.state;
  switch (state.type) {
    case 'submitted':
      return <Progress text={strings.status.submitted} />;
    case 'streaming':
      return answer.blocks.value.length === 0 ? <Progress text={strings.status.submitted} /> : null;
    case 'reconnecting':
      return <Progress text={strings.status.reconnecting} isAlarming />;
    case 'complete':
      return (
        <>
          <StopReason answer={answer} chat={chat} />
          <Footer answer={answer} />
        </>
      );
    case 'stopped':
      return (
        <>
          <p class="note">{strings.message.stopped}</p>
          <Footer answer={answer} />
        </>
      );
    case 'failed':
      return (
        <>
          <ProblemNote answer={answer} chat={chat} problem={state.problem} />
          {answer.text !== '' && <Footer answer={answer} />}
        </>
      );
  }
}

function Progress({ text, isAlarming = false }: { text: string; isAlarming?: boolean }): JSX.Element {
  return (
    <p class={isAlarming ? 'progress alarming' : 'progress'}>
      <span class="pulse" aria-hidden="true" />
      {text}
    </p>
  );
}

function StopReason({ answer, chat }: Properties): JSX.Element | null {
  const text = stopText(answer.message, chat.info.value?.maxTokens);
  return text === undefined ? null : <p class="note">{text}</p>;
}

/** In words, for each reason that is not a plain end. */
function stopText(
  message: DeepReadonly<Message> | undefined,
  maxTokens: number | undefined,
): string | undefined {
  const reason = message?.stop_reason ?? '';
  if (!Object.hasOwn(strings.stopReasons, reason)) return undefined;
  if (reason === 'max_tokens') return strings.stopReasons.max_tokens(maxTokens);
  if (reason === 'refusal') return strings.stopReasons.refusal(message?.stop_details?.explanation ?? null);
  return strings.stopReasons[reason as 'pause_turn' | 'tool_use' | 'model_context_window_exceeded']();
}

function Footer({ answer }: { readonly answer: Answer }): JSX.Element {
  return (
    <div class="answer-footer">
      {answer.text !== '' && <CopyButton label={strings.message.copy} text={() => answer.text} />}
      <UsageLine answer={answer} />
    </div>
  );
}

function UsageLine({ answer }: { readonly answer: Answer }): JSX.Element | null {
  const { message, figures } = answer;
  if (message === undefined) return null;
  const { input_tokens, output_tokens } = message.usage;
  // The last count comes with the stop reason; without it nobody knows how many tokens there were.
  const { stop_reason } = message;
  const [firstToken, rate] = [figures.firstTokenMs, figures.tokensPerSecond];
  const parts = [
    stop_reason !== null && strings.usage.tokens(input_tokens, output_tokens),
    stop_reason,
    firstToken !== undefined && strings.usage.firstToken(firstToken),
    stop_reason !== null && rate !== undefined && strings.usage.rate(rate),
  ].filter((part) => typeof part === 'string');
  return (
    <ul class="usage" aria-label={strings.usage.label}>
      {parts.map((part) => (
        <li key={part}>{part}</li>
      ))}
    </ul>
  );
}
