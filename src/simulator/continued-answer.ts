// Going on with an answer that broke off, in the two ways a client can ask for it: by ending the conversation with
// what it has (prefill), or with a user turn that asks to go on after it.

import type { AnswerPart } from './answer-part.ts';
import { textsOf } from './messages-request.ts';
import type { MessagesRequest, Turn } from './messages-request.ts';

type Answering = (request: MessagesRequest) => Iterable<AnswerPart>;

/**
 * The answer to `request`. Where the conversation holds the beginning of an answer to go on with, and that is how
 * the answer to the turn before begins, this is exactly the rest of it.
 */
export function answerAfter(request: MessagesRequest, answer: Answering): Iterable<AnswerPart> {
  const begun = findBeginning(request);
  if (begun === undefined || !isBeginning(answer(begun.request), begun.text)) return answer(request);
  return skipText(answer(begun.request), begun.text.length);
}

function findBeginning(request: MessagesRequest): { request: MessagesRequest; text: string } | undefined {
  const { turns } = request;
  const last = turns.at(-1);
  if (last?.role === 'assistant') return beginningIn(request, turns.length - 1);
  return last !== undefined && asksToGoOn(last) ? beginningIn(request, turns.length - 2) : undefined;
}

function beginningIn(request: MessagesRequest, position: number) {
  const turn = request.turns[position];
  const text = turn?.role === 'assistant' ? textsOf(turn).join('') : '';
  return text === '' ? undefined : { request: { ...request, turns: request.turns.slice(0, position) }, text };
}

function asksToGoOn(turn: Turn): boolean {
  return textsOf(turn).some((text) => /\b(?:continue|go on|carry on)\b/i.test(text));
}

/** Whether the answer's text begins with `text` and then goes on. */
function isBeginning(parts: Iterable<AnswerPart>, text: string): boolean {
  let compared = 0;
  for (const part of parts) {
    if (part.type !== 'text') continue;
    for (const piece of part.text) {
      const expected = text.slice(compared, compared + piece.length);
      if (!piece.startsWith(expected)) return false;
      if (expected.length < piece.length) return true;
      compared += piece.length;
    }
  }
  return false;
}

/** The parts without the first `length` characters of text and without the thinking before them. */
function* skipText(parts: Iterable<AnswerPart>, length: number): Generator<AnswerPart> {
  let left = length;
  const rest = function* (text: Iterable<string>): Generator<string> {
    for (const piece of text) {
      const skipped = Math.min(left, piece.length);
      left -= skipped;
      if (skipped < piece.length) yield piece.slice(skipped);
    }
  };
  for (const part of parts) {
    if (part.type === 'text') yield { type: 'text', text: rest(part.text) };
    else if (left === 0) yield part;
  }
}
