// The unfinished end of a message as it is shown meanwhile: open marks are closed, marks without their text are
// held back, a table begins with its first row. Nothing of this outlives the next frame.

import remend from 'remend';

/** Markdown that looks like what `tail` is going to be. */
export function repairTail(tail: string): string {
  const shown = beginTable(holdBack(tail));
  return remend(shown, {
    htmlTags: false, // tags are text here
    katex: false,
    linkMode: 'text-only',
  });
}

/** A line of nothing but marks: a list sign, a heading's, half a fence, the rule below a heading or a table. */
const bareMarks = /^(?:[-+*>#`~_=|: \t]+|[ \t]*\d{1,9}[.)]?[ \t]*)$/;
/** An emphasis, or the text of a link, that has only just been opened. */
const openingMarks = /(^|[\s([{"'])(?:[*_~`]{1,3}|!?\[)$/;

function holdBack(tail: string): string {
  const lineStart = tail.lastIndexOf('\n') + 1;
  const line = tail.slice(lineStart);
  return tail.slice(0, lineStart) + (bareMarks.test(line) ? '' : line.replace(openingMarks, '$1'));
}

/** A table is one only from its second line on; until then its first is a paragraph full of bars. */
function beginTable(tail: string): string {
  const gap = tail.lastIndexOf('\n\n');
  const [header = '', next = '', ...more] = tail.slice(gap < 0 ? 0 : gap + 2).split('\n');
  if (!/^ {0,3}\|./.test(header) || next !== '' || more.length > 0) return tail;
  return `${tail.trimEnd()}\n|${' --- |'.repeat(cellCount(header.trim()))}`;
}

/** How many cells a row that begins with a bar has. */
function cellCount(row: string): number {
  const bars = row.replaceAll(/\\./g, '').split('|').length - 1;
  return Math.max(1, row.endsWith('|') ? bars - 1 : bars);
}
