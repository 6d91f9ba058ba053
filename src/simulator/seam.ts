// What a continuation begins with. A model that is asked by a user turn to go on may say its last words again, or
// announce that it goes on; what joins the two parts has to find that out.

import type { AnswerPart } from './answer-part.ts';
import type { Continuation } from './continued-answer.ts';
import { drawInteger } from './random.ts';
import type { Random } from './random.ts';

export type SeamKind = (typeof seamKinds)[number];

export const seamKinds = ['exact', 'repeat', 'rephrase', 'preamble'] as const;

export interface Seam {
  readonly as: SeamKind;
  /** How many words are said again; drawn from 2 to 8 when left out. */
  readonly words?: number | undefined;
}

const fewestWords = 2;
const mostWords = 8;

const preambles = [
  'Continuing from where I left off:\n\n',
  'Here is the rest of my answer.\n\n',
  'Sure, I’ll go on. ',
];

/**
 * The parts of a continuation with what the seam puts before its text. Nothing is put before a prefilled answer, which
 * is one turn of the model, nor before anything but text.
 */
export function* withSeam(continuation: Continuation, seam: Seam, random: Random): Generator<AnswerPart> {
  const { parts, by, passed } = continuation;
  const count = seam.words ?? drawInteger(random, fewestWords, mostWords);
  const opening = by === 'prefill' ? '' : openings[seam.as](lastWords(passed, count), random);
  let isFirst = true;
  for (const part of parts) {
    yield isFirst && part.type === 'text' && opening !== ''
      ? { ...part, text: prepend(opening, part.text) }
      : part;
    isFirst = false;
  }
}

const openings = {
  exact: () => '',
  /** Letter by letter, with the white space between and behind them. */
  repeat: (words) => words,
  /** The same words in small letters, without marks, one space apart. */
  rephrase(words) {
    const said = words.toLowerCase().match(/[\p{L}\p{N}][\p{L}\p{N}’'-]*/gu) ?? [];
    // Of marks alone there is nothing to say in other words.
    return said.length === 0 ? '' : `…${said.join(' ')}${/\s*$/.exec(words)?.[0] ?? ''}`;
  },
  preamble: (_, random) => preambles[drawInteger(random, 0, preambles.length - 1)] ?? '',
} satisfies Record<SeamKind, (words: string, random: Random) => string>;

/** The end of the text from the beginning of a word on. */
function lastWords(text: string, count: number): string {
  const starts = [...text.matchAll(/\S+/g)].map(({ index }) => index);
  return starts.length === 0 ? '' : text.slice(starts[Math.max(starts.length - count, 0)]);
}

function* prepend(opening: string, text: Iterable<string>): Generator<string> {
  yield opening;
  yield* text;
}
