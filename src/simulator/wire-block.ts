// How each part of an answer stands on the wire: how its block begins, what its deltas are, how it ends.

import type { ContentBlock, ContentBlockDelta } from '../protocol/index.ts';
import type { AnswerPart, Block, BlockPart, TextPart, ThinkingPart } from './answer-part.ts';
import type { PieceKind } from './delta-sizes.ts';
import { createId } from './ids.ts';
import type { JsonObject } from './json-object.ts';
import type { MessagesRequest } from './messages-request.ts';
import { callCost, textCost, thinkingCost } from './output-cost.ts';
import type { OutputCost } from './output-cost.ts';
import type { Random } from './random.ts';
import { createSignature } from './signature.ts';
import { toSpacedJson } from './spaced-json.ts';
import { isObject } from './validate-value.ts';

export interface WireBlock {
  readonly start: ContentBlock;
  /** What comes in deltas, and counts as output. */
  readonly text: Iterable<string>;
  readonly cost: OutputCost;
  /** Whether the text counts and is not sent. */
  readonly isHidden?: boolean;
  readonly pieceKind: PieceKind;
  readonly toDelta: (piece: string) => ContentBlockDelta;
  /** Come before the deltas of the text. */
  readonly opening?: readonly ContentBlockDelta[];
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
  /** The ids of the calls that have no result, oldest first. */
  readonly openCalls: string[];
}

export type ContentPart = Exclude<AnswerPart, { readonly type: 'end' }>;

export function toWireBlock(part: ContentPart, source: BlockSource): WireBlock {
  // The table has for each type the function that takes it.
  return (parts[part.type] as (part: ContentPart, source: BlockSource) => WireBlock)(part, source);
}

const parts = {
  text: ({ text, citations }: TextPart, { request }) => ({
    start: citations === undefined ? { type: 'text', text: '' } : { citations: [], type: 'text', text: '' },
    text,
    cost: textCost(request),
    pieceKind: 'text',
    toDelta: (piece) => ({ type: 'text_delta', text: piece }),
    opening: (citations ?? []).map(toCitationDelta),
    isProse: true,
  }),
  thinking: ({ thinking, signature, isOmitted = false }: ThinkingPart, { request, ids }) => ({
    start: { type: 'thinking', thinking: '', signature: '' },
    text: thinking,
    cost: thinkingCost(request),
    isHidden: isOmitted,
    pieceKind: 'thinking',
    toDelta: (piece) => ({ type: 'thinking_delta', thinking: piece }),
    closing: (length) => ({
      type: 'signature_delta',
      signature: signature ?? createSignature(request.model, length, ids),
    }),
    isProse: false,
  }),
  block: ({ block }: BlockPart, source) => {
    const toBlock = Object.hasOwn(blocks, block.type) ? blocks[block.type] : undefined;
    return (toBlock ?? toWhole)(block, source);
  },
} satisfies { [Type in ContentPart['type']]: (part: PartOf<Type>, source: BlockSource) => WireBlock };

type PartOf<Type> = Extract<ContentPart, { type: Type }>;

/** The types of block that have deltas. */
const blocks: Readonly<Record<string, (block: Block, source: BlockSource) => WireBlock>> = {
  tool_use: (block, source) =>
    toCall(block, { id: createId('toolUse', source.ids), caller: { type: 'direct' } }, source),
  server_tool_use: (block, source) => toOpenCall(block, createId('serverToolUse', source.ids), source),
  mcp_tool_use: (block, source) => toOpenCall(block, createId('mcpToolUse', source.ids), source),
  compaction: ({ type, ...fields }) => ({
    // Not more is known of how it begins than its type, and that there is nothing in it yet.
    ...toWhole({ type, content: null }),
    opening: [{ type: 'compaction_delta', ...fields } as ContentBlockDelta],
  }),
};

/** A call that the API itself answers. */
function toOpenCall(block: Block, newId: string, source: BlockSource): WireBlock {
  const id = typeof block['id'] === 'string' ? block['id'] : newId;
  source.openCalls.push(id);
  return toCall(block, { id }, source);
}

/** The input of a call that code made is whole in its start; that of any other comes in deltas. */
function toCall(
  { type, input, ...given }: Block,
  made: JsonObject,
  { request, hasTool }: BlockSource,
): WireBlock {
  const { id, name, ...fields } = { ...made, ...given } as JsonObject;
  const whole = isObject(input) ? input : {};
  if (isFromCode(fields['caller'])) return toWhole({ type, id, name, input: whole, ...fields });
  const json = toSpacedJson(whole);
  return {
    start: { type, id, name, input: {}, ...fields } as ContentBlock,
    // A tool without arguments has no delta but the opening one.
    text: Object.keys(whole).length === 0 ? [] : [json],
    cost: callCost({ name: String(name), input: whole, json, isFirst: !hasTool }, request),
    pieceKind: 'json',
    toDelta: (piece) => ({ type: 'input_json_delta', partial_json: piece }),
    opening: [{ type: 'input_json_delta', partial_json: '' }],
    isProse: false,
  };
}

function isFromCode(caller: unknown): boolean {
  return isObject(caller) && caller['type'] !== 'direct';
}

/** A block that comes at once; a result says which call it is of. */
function toWhole(block: Block, source?: BlockSource): WireBlock {
  return {
    start: (block.type.endsWith('_tool_result') ? withCall(block, source) : block) as ContentBlock,
    text: [],
    // Nobody wrote it token by token.
    cost: { openingTokens: 0, rate: 0 },
    pieceKind: 'json',
    toDelta: (piece) => ({ type: 'input_json_delta', partial_json: piece }),
    isProse: false,
  };
}

function withCall({ type, ...fields }: Block, source: BlockSource | undefined): Block {
  const openCalls = source?.openCalls ?? [];
  const { tool_use_id: given = openCalls[0], ...others } = fields;
  const position = openCalls.indexOf(given as string);
  if (position >= 0) openCalls.splice(position, 1);
  return { type, tool_use_id: given, ...others };
}

function toCitationDelta(citation: JsonObject): ContentBlockDelta {
  return { type: 'citations_delta', citation } as ContentBlockDelta;
}
