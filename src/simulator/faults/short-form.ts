// Fault plans in a prompt: `/fault` and JSON, or `/fault` and faults such as `cut 1000 by=rst; split 3`.

import { invalidRequest } from '../api-errors.ts';
import { firstFieldOf } from './parse-fault-plan.ts';

const opening = /^\s*\/fault(?=\s|$)[ \t]*([^\n]*)\n?/;

/** What stands behind `/fault` in its line; undefined when the prompt does not begin with it. */
export function faultTextOf(prompt: string): string | undefined {
  return opening.exec(prompt)?.[1]?.trim();
}

/** The prompt without its first line, if that is a fault plan. */
export function withoutFaults(prompt: string): string {
  return prompt.replace(opening, '');
}

/** The value that the text stands for, not checked yet. Throws an ApiError. */
export function readFaultText(text: string, path: string): unknown {
  if (!/^[[{]/.test(text)) return { faults: text.split(';').map((each) => readFault(each.trim())) };
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalidRequest(`${path}: not valid JSON: ${(error as SyntaxError).message}`);
  }
}

function readFault(text: string): object {
  const [kind = '', ...words] = text.split(/\s+/);
  const pairs = words.map((word) => {
    const [, name, value = ''] = /^(?:(\w+)=)?(.*)$/s.exec(word) ?? [];
    return [name ?? firstFieldOf(kind) ?? 'value', readValue(value)] as const;
  });
  return { kind, ...Object.fromEntries(pairs) };
}

/** A number or a boolean where the word is one. */
function readValue(word: string): unknown {
  if (/^-?\d+(?:\.\d+)?$/.test(word)) return Number(word);
  return word === 'true' || word === 'false' ? word === 'true' : word;
}
