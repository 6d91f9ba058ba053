// An answer as the events of its stream, in the order, and with the keys in the order, of streams recorded in
// October 2026. Made one by one as they are taken.

import type { ContentBlockDelta, KnownStreamEvent, Message } from '../protocol/index.ts';
import { AnswerLimit } from './answer-limit.ts';
import type { AnswerPart, EndPart } from './answer-part.ts';
import { AnswerUsage, inputUsage } from './answer-usage.ts';
import { cutText } from './cut-text.ts';
import { pieceSizesOf } from './delta-sizes.ts';
import { createId } from './ids.ts';
import { mostTokensOf, toMessageDelta } from './message-delta.ts';
import type { MessagesRequest } from './messages-request.ts';
import { inferenceGeoOf } from './models.ts';
import { endTokens } from './output-cost.ts';
import { drawInteger } from './random.ts';
import type { Random } from './random.ts';
import { toWireBlock } from './wire-block.ts';
import type { WireBlock } from './wire-block.ts';

export interface WireRandom {
  /** Draws ids, signatures and the token count at the start. */
  readonly ids: Random;
  /** Draws where text is cut into deltas. */
  readonly cuts: Random;
  /** The time the message's id says, in milliseconds since 1970. */
  readonly beganAtMs: number;
}

/** How often an answer says at its start that it has one token; recorded are 1 to 29 besides. */
const singleShare = 0.6;

/** The events from message_start to message_stop, in batches: one by one they would cost twice as much. */
export function* wireEvents(
  request: MessagesRequest,
  answer: Iterable<AnswerPart>,
  random: WireRandom,
): Generator<readonly KnownStreamEvent[]> {
  const limit = new AnswerLimit(mostTokensOf(request));
  const usage = new AnswerUsage(request);
  const startTokens = Math.min(drawStartTokens(random.ids), request.maxTokens);
  const source = { request, ids: random.ids, openCalls: openCallsIn(request) };
  yield [{ type: 'message_start', message: emptyMessage(request, startTokens, random) }];
  let index = 0;
  let end: EndPart | undefined;
  for (const part of answer) {
    if (part.type === 'end') end = part;
    if (part.type === 'end' || limit.reached !== undefined) break;
    const block = toWireBlock(part, { ...source, hasTool: usage.has('tool_use') });
    const tokensBefore = limit.outputTokens;
    const text = limit.pass(block.text, block.isProse ? request.stopSequences : [], block.cost);
    const sizes = pieceSizesOf(request.model, block.pieceKind, index === 0);
    const pieces = cutText(shownOf(block, text), sizes, random.cuts);
    const first = pieces.next();
    // No block begins for nothing.
    if (first.done === true && (block.isProse || limit.reached !== undefined)) continue;
    const start: KnownStreamEvent = { type: 'content_block_start', index, content_block: block.start };
    yield index === 0 ? [start, { type: 'ping' }] : [start];
    for (const batch of deltas(block, first, pieces))
      yield batch.map((delta) => ({ type: 'content_block_delta' as const, index, delta }));
    yield [{ type: 'content_block_stop', index }];
    usage.add(block, limit.outputTokens - tokensBefore);
    index += 1;
  }
  if (end === undefined) spendOnEnd(limit, usage);
  yield [toMessageDelta({ request, limit, usage, end, startTokens }, random.ids), { type: 'message_stop' }];
}

/** How a model ends its turn counts too; one that ends with a call has it among the call's tokens. */
function spendOnEnd(limit: AnswerLimit, usage: AnswerUsage): void {
  if (limit.reached === undefined && !usage.has('tool_use')) limit.spend(endTokens);
}

/** Said before anything is known; the total at the end is never lower. */
function drawStartTokens(random: Random): number {
  return random() < singleShare ? 1 : drawInteger(random, 2, 4);
}

/** Of hidden text nothing; it is taken all the same, so that it counts. */
function shownOf({ isHidden = false }: WireBlock, text: Iterable<string>): Iterable<string> {
  return isHidden ? Array.from(text, () => '') : text;
}

/** The calls of server tools that the last turn has no results for: of an answer that paused. */
function openCallsIn({ turns }: MessagesRequest): string[] {
  const last = turns.at(-1);
  const content = last?.role === 'assistant' ? last.content : [];
  const answered = new Set(content.map(({ tool_use_id: id }) => id));
  return content.flatMap(({ type, id }) =>
    type === 'server_tool_use' && typeof id === 'string' && !answered.has(id) ? [id] : [],
  );
}

function* deltas(
  { opening = [], toDelta, closing }: WireBlock,
  first: IteratorResult<readonly string[]>,
  others: Iterable<readonly string[]>,
): Generator<readonly ContentBlockDelta[]> {
  let length = 0;
  const toDeltas = (pieces: readonly string[]): ContentBlockDelta[] => {
    for (const piece of pieces) length += piece.length;
    return pieces.map(toDelta);
  };
  if (opening.length > 0) yield opening;
  if (first.done !== true) yield toDeltas(first.value);
  for (const pieces of others) yield toDeltas(pieces);
  if (closing !== undefined) yield [closing(length)];
}

function emptyMessage(
  request: MessagesRequest,
  startTokens: number,
  { ids, beganAtMs }: WireRandom,
): Message {
  const { model, cached } = request;
  return {
    model,
    id: createId('message', ids, beganAtMs),
    type: 'message',
    role: 'assistant',
    content: [],
    container: null,
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    usage: {
      ...inputUsage(request),
      cache_creation: {
        ephemeral_5m_input_tokens: cached.written['5m'],
        ephemeral_1h_input_tokens: cached.written['1h'],
      },
      output_tokens: startTokens,
      service_tier: 'standard',
      inference_geo: inferenceGeoOf(model),
    },
    diagnostics: null,
  };
}
