// Going on with an answer that broke off, in the ways a client can ask for it: by ending the conversation with what it
// has (prefill, and what a turn that paused left), with a user turn that asks to go on after it, or with a user turn
// that quotes it.

import { AnswerCursor } from './answer-cursor.ts';
import type { AnswerPart } from './answer-part.ts';
import { asksToGoOn, readingsOfQuote, withInterruptionApart } from './asks-to-go-on.ts';
import { textsOf } from './messages-request.ts';
import type { InputBlock, MessagesRequest, Turn } from './messages-request.ts';

/** The rest of an answer that was begun before, and what it was asked for by. */
export interface Continuation {
  readonly parts: Iterable<AnswerPart>;
  /** A prefilled answer is the model's own; after a turn that asks to go on it begins anew. */
  readonly by: 'prefill' | 'turn';
  /** The text before it, at least its last words. */
  readonly passed: string;
}

type Answering = (request: MessagesRequest) => Iterable<AnswerPart>;

/** A way to read the conversation: what was asked, and what the answer to it began with. */
interface Beginning {
  readonly asked: MessagesRequest;
  readonly blocks: readonly InputBlock[];
  readonly by: Continuation['by'];
  /** Whether nothing may be what is left. */
  readonly mayBeWhole: boolean;
}

/** How much of an end is looked for, the longest first: a shorter one may stand anywhere. */
const endLengths = [80, 48, 24];
/** That one answer may be spread over. */
const mostTurns = 50;
/** Of a text that repeats itself. */
const mostEnds = 1000;

/**
 * Exactly the rest of the answer, where the conversation holds the beginning of one and that is how `answer` begins.
 * A beginning that is not exactly that (because it was put together with words said twice) is found by its last words.
 * Undefined when the conversation asks for an answer of its own.
 */
export function continueAnswer(request: MessagesRequest, answer: Answering): Continuation | undefined {
  for (const { asked, blocks, by, mayBeWhole } of beginningsIn(request)) {
    const cursor = goBehind(blocks, () => answer(asked));
    if (cursor === undefined || !(mayBeWhole || cursor.hasMore())) continue;
    return { parts: cursor.rest(), by, passed: cursor.passed };
  }
  return undefined;
}

function* beginningsIn(request: MessagesRequest): Generator<Beginning> {
  const { turns } = request;
  const last = turns.at(-1);
  if (last === undefined) return;
  if (last.role === 'assistant') {
    yield* inTurns(request, turns.length - 1, { by: 'prefill', mayBeWhole: true });
    return;
  }
  const asking = withInterruptionApart(last);
  const asks = asksToGoOn(asking);
  if (asks === undefined) return;
  const manner = { by: 'turn', mayBeWhole: asks === 'place' } as const;
  if (asking.content.length > 1) yield* inQuote(request, asking);
  if (last.content.length === 1) yield* inTurns(request, turns.length - 2, manner);
}

/**
 * The answer may have been gone on with before: then it is in several turns, each but the last followed by one that
 * asks to go on.
 */
function* inTurns(
  request: MessagesRequest,
  position: number,
  manner: Pick<Beginning, 'by' | 'mayBeWhole'>,
): Generator<Beginning> {
  const { turns } = request;
  const positions: number[] = [];
  for (let at = position; turns[at]?.role === 'assistant' && positions.length < mostTurns; at -= 2) {
    positions.unshift(at);
    const before = turns[at - 1];
    if (before === undefined || asksToGoOn(before) === undefined) break;
  }
  for (const [index, first] of positions.entries()) {
    const blocks = positions.slice(index).flatMap((at) => turns[at]?.content ?? []);
    if (blocks.length === 0) continue;
    yield { ...manner, asked: { ...request, turns: turns.slice(0, first) }, blocks };
  }
}

/** The last text of the turn quotes the answer, or how it ended; what stands before it is what was asked. */
function* inQuote(request: MessagesRequest, turn: Turn): Generator<Beginning> {
  const question = { ...turn, content: turn.content.slice(0, -1) };
  const asked = { ...request, turns: [...request.turns.slice(0, -1), question] };
  for (const text of readingsOfQuote(textsOf(turn).at(-1) ?? '')) {
    yield { asked, blocks: [{ type: 'text', text }], by: 'turn', mayBeWhole: true };
  }
}

/** Undefined when the blocks are not of this answer. */
function goBehind(
  blocks: readonly InputBlock[],
  answer: () => Iterable<AnswerPart>,
): AnswerCursor | undefined {
  const cursor = new AnswerCursor(answer());
  if (blocks.every((block) => pass(cursor, block))) return cursor;
  const text = blocks.map(textOf).join('');
  const whole = [...answer()].map((part) => (part.type === 'text' ? [...part.text].join('') : '')).join('');
  const end = endOf(whole, text);
  if (end === undefined) return undefined;
  const found = new AnswerCursor(answer());
  return found.passText(whole.slice(0, end)) ? found : undefined;
}

function pass(cursor: AnswerCursor, block: InputBlock): boolean {
  if (block.type === 'text') return cursor.passText(textOf(block));
  // Thinking may have been left out on the way.
  return cursor.passBlock(block.type) || block.type.endsWith('thinking');
}

/** Half a character at the end is none. */
function textOf({ type, text }: InputBlock): string {
  return type === 'text' && typeof text === 'string' ? text.replace(/[\uD800-\uDBFF]$/, '') : '';
}

/** Where in `whole` the last words of `text` end: of several places the one nearest to where it should be. */
function endOf(whole: string, text: string): number | undefined {
  for (const length of endLengths) {
    const words = text.slice(-length);
    const ends = words.length < length ? [] : endsOf(whole, words);
    const [nearest] = ends.toSorted((a, b) => Math.abs(a - text.length) - Math.abs(b - text.length));
    if (nearest !== undefined) return nearest;
  }
  return undefined;
}

function endsOf(whole: string, words: string): number[] {
  const ends: number[] = [];
  let at = whole.indexOf(words);
  while (at >= 0 && ends.length < mostEnds) {
    ends.push(at + words.length);
    at = whole.indexOf(words, at + 1);
  }
  return ends;
}
