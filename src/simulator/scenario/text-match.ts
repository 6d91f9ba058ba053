// Whether a text is as a scenario wants it, and why not.

import { show } from '../../document/index.ts';
import type { TextMatch, TextTest } from './scenario.ts';

/** Why the text does not fit; undefined when it does. No text at all is an empty one. */
export function mismatchOf(found: string, wanted: TextMatch): string | undefined {
  if (typeof wanted === 'string') return failedTest(found, { is: wanted });
  if (wanted instanceof RegExp) return failedTest(found, { matches: wanted.source, flags: wanted.flags });
  if (typeof wanted === 'object') return failedTest(found, wanted);
  if (wanted === (found !== '')) return undefined;
  return wanted ? 'there is none' : `there is one: ${show(found)}`;
}

function failedTest(found: string, { is, contains, matches, flags = '' }: TextTest): string | undefined {
  if (is !== undefined && found !== is) return `${show(found)} is not ${show(is)}`;
  if (contains !== undefined && !found.includes(contains)) {
    return `${show(found)} does not contain ${show(contains)}`;
  }
  // Made anew each time: one with the flag `g` or `y` would remember where it was.
  if (matches !== undefined && !new RegExp(matches, flags.replaceAll(/[gy]/g, '')).test(found)) {
    return `${show(found)} does not match /${matches}/${flags}`;
  }
  return undefined;
}
