// What an answer is made of. A part's text is made as it is taken, so that an answer costs no more memory than
// what is under way.

import type { JsonObject } from './json-object.ts';

export type AnswerPart =
  | { readonly type: 'text'; readonly text: Iterable<string> }
  | { readonly type: 'thinking'; readonly thinking: Iterable<string>; readonly signature?: string }
  | { readonly type: 'tool_use'; readonly name: string; readonly input: JsonObject; readonly id?: string }
  /** A block that is whole from its start. */
  | { readonly type: 'block'; readonly block: Block };

export type Block = JsonObject & { readonly type: string };

export function textPart(...text: readonly string[]): AnswerPart {
  return { type: 'text', text };
}

/** The part for a block as it stands in a message, of any type. */
export function toPart(block: Block): AnswerPart {
  const { type, text, thinking, signature, id, name, input } = block;
  if (type === 'text') return textPart(String(text));
  if (type === 'thinking') {
    return { type, thinking: [String(thinking)], ...(typeof signature === 'string' ? { signature } : {}) };
  }
  if (type !== 'tool_use') return { type: 'block', block };
  const given = typeof id === 'string' ? { id } : {};
  return { type, name: String(name), input: (input ?? {}) as JsonObject, ...given };
}
