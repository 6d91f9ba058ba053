// As many words as were asked for: what load tests, and pages with much to render, need.

import type { AnswerPart } from '../answer-part.ts';
import type { Question } from '../question.ts';
import { createRandom, drawInteger } from '../random.ts';
import type { Random } from '../random.ts';

const usualWords = 1000;
const mostWords = 100_000;

export function long({ prompt }: Question): readonly AnswerPart[] {
  const asked = /\blong\s+(\d+)/i.exec(prompt)?.[1];
  return [{ type: 'text', text: essay(asked === undefined ? usualWords : Number(asked)) }];
}

/** Exactly `words` words as `wc -w` counts them, markdown signs included. A shorter one begins a longer one. */
function* essay(words: number): Generator<string> {
  let left = Math.min(words, mostWords);
  for (let index = 0; left > 0; index += 1) {
    const { text, wordCount } = paragraphAt(index);
    yield wordCount <= left ? text : firstWords(text, left);
    left -= wordCount;
  }
}

function firstWords(text: string, count: number): string {
  const ends = [...text.matchAll(/\S+/g)].map(({ index, 0: word }) => index + word.length);
  return text.slice(0, ends[count - 1]);
}

interface Paragraph {
  /** With the blank line before it. */
  readonly text: string;
  readonly wordCount: number;
}

/** The text is always the same: what was asked for once is kept, which is at most a megabyte. */
const made: Paragraph[] = [];
const source = paragraphs(createRandom('long'));

function paragraphAt(index: number): Paragraph {
  while (made.length <= index) {
    const paragraph = source.next().value;
    const text = made.length === 0 ? paragraph : ['\n\n', paragraph].join('');
    made.push({ text, wordCount: text.match(/\S+/g)?.length ?? 0 });
  }
  return made[index] ?? { text: '', wordCount: 0 };
}

/** Without end. */
function* paragraphs(random: Random): Generator<string, never> {
  for (let section = 1; ; section += 1) {
    yield `## ${section}. ${capitalize(pick(random, places))}`;
    const count = drawInteger(random, 2, 4);
    for (let paragraph = 0; paragraph < count; paragraph += 1) {
      yield Array.from({ length: drawInteger(random, 3, 6) }, () => sentence(random)).join(' ');
    }
    if (section % 3 === 0) yield Array.from({ length: 4 }, () => `- ${sentence(random)}`).join('\n');
  }
}

function sentence(random: Random): string {
  const rest = `${pick(random, subjects)} ${pick(random, verbs)} ${pick(random, objects)}`;
  const isPlaced = random() < 0.5;
  return isPlaced ? `${capitalize(pick(random, places))}, ${rest}.` : `${capitalize(rest)}.`;
}

function pick(random: Random, texts: readonly string[]): string {
  return texts[drawInteger(random, 0, texts.length - 1)] ?? '';
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const places = [
  'above the weir',
  'along the narrow channel',
  'at the foot of the wheel',
  'behind the sluice gate',
  'below the old bridge',
  'in the shade of the alders',
  'on the far bank',
  'under the mossy roof',
  'where the two brooks meet',
];

const subjects = [
  'a heron that nobody had noticed',
  'every drop on its way down',
  'the café across the water',
  'the carpenter’s youngest daughter',
  'the *first* rain of autumn',
  'the miller',
  'the patient current',
  'the wheel with its **forty** paddles',
  'whoever keeps the ledger',
];

const verbs = [
  'carries',
  'counts',
  'follows',
  'never quite forgets',
  'quietly mends',
  'remembers',
  'turns towards',
  'waits for',
];

const objects = [
  'a sack of barley and two of rye',
  'half the valley’s grain before noon',
  'something that cannot be hurried',
  'the slow work of the stones',
  'the smell of fresh flour',
  'the sound of water on `oak`',
  'the stream it came from',
  'what the winter left behind',
];
