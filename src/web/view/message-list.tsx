// The conversation, as a log that a screen reader can walk through.

import type { JSX, RefObject } from 'preact';
import type { Answer } from '../chat/answer.ts';
import type { Chat } from '../chat/chat.ts';
import type { Question } from '../chat/turn.ts';
import type { Frames } from '../frames.ts';
import { strings } from '../strings.ts';
import { AnswerBlocks } from './answer-blocks.tsx';
import { AnswerEnd } from './answer-end.tsx';

interface Properties {
  readonly chat: Chat;
  readonly frames: Frames;
  readonly content: RefObject<HTMLDivElement | null>;
}

export function MessageList({ chat, frames, content }: Properties): JSX.Element {
  return (
    <div ref={content} class="log" role="log" aria-label={strings.conversation} aria-busy={chat.isBusy.value}>
      {chat.turns.value.map((turn) =>
        turn.type === 'question' ? (
          <QuestionView key={turn.key} question={turn} />
        ) : (
          <AnswerView key={turn.key} answer={turn} chat={chat} frames={frames} />
        ),
      )}
    </div>
  );
}

function QuestionView({ question }: { readonly question: Question }): JSX.Element {
  return (
    <article class="question">
      <h2 class="unseen">{strings.you}</h2>
      <p class="question-text">{question.text}</p>
    </article>
  );
}

function AnswerView({ answer, chat, frames }: { answer: Answer; chat: Chat; frames: Frames }): JSX.Element {
  return (
    <article class="answer">
      <h2 class="unseen">{strings.model}</h2>
      <AnswerBlocks answer={answer} frames={frames} />
      <AnswerEnd answer={answer} chat={chat} />
      {answer.hasStopFailed.value && <p class="note">{strings.message.stopFailed}</p>}
    </article>
  );
}
