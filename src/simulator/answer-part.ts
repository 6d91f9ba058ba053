// What an answer is made of. A part's text is made as it is taken, so that an answer costs no more memory than
// what is under way.

import type { JsonObject } from './json-object.ts';

export type AnswerPart =
  | { readonly type: 'text'; readonly text: Iterable<string> }
  | {
      readonly type: 'thinking';
      readonly thinking: Iterable<string>;
      /** Thought and counted, and not shown. */
      readonly isOmitted?: boolean;
    }
  | { readonly type: 'tool_use'; readonly name: string; readonly input: JsonObject };

export function textPart(...text: readonly string[]): AnswerPart {
  return { type: 'text', text };
}
