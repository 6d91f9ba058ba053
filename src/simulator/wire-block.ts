// How each part of an answer stands on the wire: how its block begins, what its deltas are, how it ends.

import type { ContentBlock, ContentBlockDelta } from '../protocol/index.ts';
import type { AnswerPart } from './answer-part.ts';
import type { PieceKind } from './cut-text.ts';
import { createId } from './ids.ts';
import type { MessagesRequest } from './messages-request.ts';
import { callCost, textCost, thinkingCost } from './output-cost.ts';
import type { OutputCost } from './output-cost.ts';
import type { Random } from './random.ts';
import { createSignature } from './signature.ts';
import { toSpacedJson } from './spaced-json.ts';

export interface WireBlock {
  readonly start: ContentBlock;
  /** What comes in deltas, and counts as output. */
  readonly text: Iterable<string>;
  readonly cost: OutputCost;
  /** Whether the text counts and is not sent. */
  readonly isHidden?: boolean;
  readonly pieceKind: PieceKind;
  readonly toDelta: (piece: string) => ContentBlockDelta;
  /** Comes before the deltas of the text. */
  readonly opening?: ContentBlockDelta;
  /** Comes after the deltas of the text, which had `length` characters. */
  readonly closing?: (length: number) => ContentBlockDelta;
  /** Ends at a stop sequence, and does not appear at all when there is no text. */
  readonly isProse: boolean;
}

export interface BlockSource {
  readonly request: MessagesRequest;
  /** Whether a call came before. */
  readonly hasTool: boolean;
  /** Draws ids and signatures. */
  readonly ids: Random;
}

export function toWireBlock(part: AnswerPart, source: BlockSource): WireBlock {
  // The table has for each type the function that takes it.
  return (blocks[part.type] as (part: AnswerPart, source: BlockSource) => WireBlock)(part, source);
}

type PartOf<Type> = Extract<AnswerPart, { type: Type }>;

const blocks = {
  text: ({ text }: PartOf<'text'>, { request }) => ({
    start: { type: 'text', text: '' },
    text,
    cost: textCost(request),
    pieceKind: 'text',
    toDelta: (piece) => ({ type: 'text_delta', text: piece }),
    isProse: true,
  }),
  thinking: ({ thinking, isOmitted = false }: PartOf<'thinking'>, { request, ids }) => ({
    start: { type: 'thinking', thinking: '', signature: '' },
    text: thinking,
    isHidden: isOmitted,
    cost: thinkingCost(request),
    pieceKind: 'text',
    toDelta: (piece) => ({ type: 'thinking_delta', thinking: piece }),
    closing: (length) => ({
      type: 'signature_delta',
      signature: createSignature(request.model, length, ids),
    }),
    isProse: false,
  }),
  tool_use: ({ name, input }: PartOf<'tool_use'>, { request, hasTool, ids }) => {
    const json = toSpacedJson(input);
    return {
      start: {
        type: 'tool_use',
        id: createId('toolUse', ids),
        name,
        input: {},
        caller: { type: 'direct' },
      },
      // A tool without arguments has no delta but the opening one.
      text: Object.keys(input).length === 0 ? [] : [json],
      cost: callCost({ name, input, json, isFirst: !hasTool }, request),
      pieceKind: 'json',
      toDelta: (piece) => ({ type: 'input_json_delta', partial_json: piece }),
      opening: { type: 'input_json_delta', partial_json: '' },
      isProse: false,
    };
  },
} satisfies { [Type in AnswerPart['type']]: (part: PartOf<Type>, source: BlockSource) => WireBlock };
