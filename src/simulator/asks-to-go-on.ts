// User turns that ask to go on with an answer which is not at its end.

import { withoutFaults } from './faults/short-form.ts';
import { textsOf } from './messages-request.ts';
import type { Turn } from './messages-request.ts';

const goOn = '(?:continue|go on|carry on|keep going|resume)';

/** Of the answer itself, so that no other thing is meant that could be finished. */
const finish =
  '(?:finish|complete)(?: your| the| that| this)? (?:answer|response|reply|message|sentence|thought)';

/** A short text that begins with it. That the words stand somewhere else in a text says nothing. */
const opening = new RegExp(
  `^\\W*(?:(?:please|ok(?:ay)?|yes|now|and|just|then|could you|can you)[,.!]?\\s+)*(?:${goOn}|${finish})\\b`,
  'i',
);
/** From a place in an answer. */
const fromPlace = new RegExp(
  `\\b(?:${goOn}|pick(?: it)? up)\\b[^.?!]{0,40}\\b(?:from|where|at)\\b[^.?!]{0,40}\\b(?:left off|stopped|ended|broke off|cut off|there|here|that point)\\b`,
  'i',
);
const answer = '(?:response|answer|message|reply|turn|you)';
const broken = '(?:interrupted|cut off|cut short|truncated|broken off)';
const interrupted = new RegExp(
  `\\b${answer} (?:(?:was|were|got|has been) ${broken}|broke off)\\b|` +
    '\\bconnection (?:dropped|broke|(?:was|got) (?:lost|dropped|interrupted))\\b|\\blost the connection\\b',
  'i',
);
const longest = 200;

/**
 * `place`: with what stands behind a certain place, even if that is nothing. `more`: with whatever comes. Undefined
 * when the turn asks for something else, whatever words it has.
 */
export function asksToGoOn(turn: Turn): 'place' | 'more' | undefined {
  const text = withoutFaults(textsOf(turn).at(-1) ?? '').trim();
  const isShort = text.length <= longest;
  if (isInterruption(text) || (isShort && fromPlace.test(text))) return 'place';
  return isShort && opening.test(text) ? 'more' : undefined;
}

function isInterruption(text: string): boolean {
  return (
    interrupted.test(text.slice(0, longest)) && new RegExp(`\\b${goOn}\\b`, 'i').test(text.slice(-longest))
  );
}

/** The turn with the line that tells of an interruption, and all behind it, in a text apart from what was asked. */
export function withInterruptionApart(turn: Turn): Turn {
  const last = turn.content.at(-1);
  const text = last?.type === 'text' && typeof last.text === 'string' ? last.text : '';
  const line = [...text.matchAll(/\n(?=\S)/g)].find(({ index }) =>
    interrupted.test(text.slice(index + 1, index + longest).split('\n', 1)[0] ?? ''),
  );
  const [before, behind] = [text.slice(0, line?.index), text.slice(line?.index)];
  if (line === undefined || before.trim() === '' || !isInterruption(behind.trim())) return turn;
  // A blank line between the two belongs to neither.
  const texts = [before.replace(/\n$/, ''), behind.trim()].map((part) => ({ type: 'text', text: part }));
  return { ...turn, content: [...turn.content.slice(0, -1), ...texts] };
}

/**
 * What the text says an answer ended with, in the readings it may have, the likeliest first; none when it does not say
 * so. A quote on lines of its own is as it stands; one within the sentence has the sentence's full stop behind it.
 */
export function readingsOfQuote(text: string): string[] {
  if (!isInterruption(text)) return [];
  const begin = /\bended with:?([ \n]|\r\n)?/i.exec(text);
  const end = [...text.matchAll(new RegExp(`\\s?${goOn}\\b`, 'gi'))].at(-1)?.index;
  if (begin === null || end === undefined) return [];
  const quote = text.slice(begin.index + begin[0].length, end);
  const stopped = quote.replace(/\.$/, '');
  const isApart = begin[1]?.includes('\n') === true;
  const bare = [stopped.trim(), quote.trim()];
  const readings = [...(isApart ? [quote, stopped] : [stopped, quote]), ...bare, ...bare.map(withoutMarks)];
  return readings.filter((reading, index) => reading !== '' && readings.indexOf(reading) === index);
}

const marks: Readonly<Record<string, string>> = {
  '"': '"',
  '“': '”',
  '«': '»',
  '[': ']',
  '`': '`',
  '<': '>',
};

/** What stands between a mark at the beginning and its partner at the end; empty when nothing does. */
function withoutMarks(quote: string): string {
  const close = marks[quote.charAt(0)];
  return close !== undefined && quote.endsWith(close) ? quote.slice(1, -1) : '';
}
