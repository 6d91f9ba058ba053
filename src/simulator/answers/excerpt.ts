// A text from outside, quoted in an answer without any effect on the markdown around it.

import { cutBefore } from '../surrogate-pair.ts';

const longestExcerpt = 200;

/** The beginning of the text on one line, as a code span: nothing in it is markup, and nothing can end it early. */
export function quoteExcerpt(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  const shown = line.length > longestExcerpt ? `${line.slice(0, cutBefore(line, longestExcerpt))}…` : line;
  const longestRun = Math.max(0, ...(shown.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longestRun + 1);
  return longestRun === 0 ? `${fence}${shown}${fence}` : `${fence} ${shown} ${fence}`;
}
