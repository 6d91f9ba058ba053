// What an answer is made of: its blocks in order, and how it ends. A text is made as it is taken, so that an answer
// costs no more memory than what is under way.

import type { StopReason } from '../protocol/index.ts';
import type { JsonObject } from './json-object.ts';

export type AnswerPart = TextPart | ThinkingPart | BlockPart | EndPart;

export interface TextPart {
  readonly type: 'text';
  readonly text: Iterable<string>;
  /** In the wire's own spelling. They come before the text, as recorded. */
  readonly citations?: readonly JsonObject[];
}

export interface ThinkingPart {
  readonly type: 'thinking';
  readonly thinking: Iterable<string>;
  /** Made up when left out. */
  readonly signature?: string;
  /** Thought and counted, and not shown. */
  readonly isOmitted?: boolean;
}

/**
 * Any other block, in the wire's own spelling, as it stands in the whole message; how it is streamed follows from its
 * type. What a block may leave out is made up: the `id` and `caller` of a call, and the `tool_use_id` of a result,
 * which is that of the first call before it that has no result.
 */
export interface BlockPart {
  readonly type: 'block';
  readonly block: Block;
}

export type Block = JsonObject & { readonly type: string };

/** Ends the answer here. What stands behind it is sent only to who goes on with the answer, as after `pause_turn`. */
export interface EndPart {
  readonly type: 'end';
  readonly stopReason: StopReason;
  /** In the wire's own spelling. */
  readonly stopDetails?: JsonObject;
}

export function textPart(...text: readonly string[]): TextPart {
  return { type: 'text', text };
}

/** The part for a block as it stands in a message, of any type. */
export function toPart(block: Block): AnswerPart {
  const { type, text, citations, thinking, signature } = block;
  if (type === 'text' && typeof text === 'string') {
    return { ...textPart(text), ...(Array.isArray(citations) ? { citations } : {}) };
  }
  if (type !== 'thinking' || typeof thinking !== 'string') return { type: 'block', block };
  return { type, thinking: [thinking], ...(typeof signature === 'string' ? { signature } : {}) };
}
