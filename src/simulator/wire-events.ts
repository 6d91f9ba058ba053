// An answer as the events of its stream, in the order, and with the keys in the order, of streams recorded in
// October 2026. Made one by one as they are taken.

import type { ContentBlockDelta, KnownStreamEvent, Message, MessageDeltaEvent } from '../protocol/index.ts';
import { AnswerLimit } from './answer-limit.ts';
import type { AnswerPart } from './answer-part.ts';
import { cutText } from './cut-text.ts';
import { createId } from './ids.ts';
import type { MessagesRequest } from './messages-request.ts';
import { alwaysDetailsOutput, inferenceGeoOf } from './models.ts';
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
}

/** The events from message_start to message_stop. */
export function* wireEvents(
  request: MessagesRequest,
  answer: Iterable<AnswerPart>,
  random: WireRandom,
): Generator<KnownStreamEvent> {
  const limit = new AnswerLimit(request.maxTokens);
  const totals: Totals = {
    startTokens: Math.min(drawInteger(random.ids, 1, 4), request.maxTokens),
    thinkingTokens: 0,
    hasThinking: false,
    hasTool: false,
  };
  yield { type: 'message_start', message: emptyMessage(request, totals, random.ids) };
  let index = 0;
  for (const part of answer) {
    if (limit.reached !== undefined) break;
    const block = toWireBlock(part, { request, hasTool: totals.hasTool, ids: random.ids });
    const tokensBefore = limit.outputTokens;
    const text = limit.pass(block.text, block.isProse ? request.stopSequences : [], block.cost);
    const pieces = cutText(block.isHidden === true ? hide(text) : text, block.pieceKind, random.cuts);
    const first = pieces.next();
    // No block begins for nothing.
    if (first.done === true && (block.isProse || limit.reached !== undefined)) continue;
    yield { type: 'content_block_start', index, content_block: block.start };
    if (index === 0) yield { type: 'ping' };
    for (const delta of deltas(block, first, pieces)) yield { type: 'content_block_delta', index, delta };
    yield { type: 'content_block_stop', index };
    count(totals, part, limit.outputTokens - tokensBefore);
    index += 1;
  }
  if (limit.reached === undefined && !totals.hasTool) limit.spend(endTokens);
  yield messageDelta(request, limit, totals);
  yield { type: 'message_stop' };
}

/** Takes the text, so that it counts, and gives none of it. */
function hide(text: Iterable<string>): string[] {
  return Array.from(text, () => '');
}

/** What the blocks sent so far come to. */
interface Totals {
  /** Said before anything is known; the total at the end is never lower. */
  readonly startTokens: number;
  thinkingTokens: number;
  hasThinking: boolean;
  hasTool: boolean;
}

function count(totals: Totals, { type }: AnswerPart, tokens: number): void {
  if (type === 'thinking') {
    totals.hasThinking = true;
    totals.thinkingTokens += tokens;
  }
  if (type === 'tool_use') totals.hasTool = true;
}

function* deltas(
  { opening, toDelta, closing }: WireBlock,
  first: IteratorResult<string>,
  others: Iterable<string>,
): Generator<ContentBlockDelta> {
  let length = 0;
  if (opening !== undefined) yield opening;
  if (first.done !== true) {
    length += first.value.length;
    yield toDelta(first.value);
  }
  for (const piece of others) {
    length += piece.length;
    yield toDelta(piece);
  }
  if (closing !== undefined) yield closing(length);
}

function emptyMessage(request: MessagesRequest, { startTokens }: Totals, ids: Random): Message {
  const { model, cached } = request;
  return {
    model,
    id: createId('message', ids),
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

/** What is neither read from the cache nor written to it is input as such. */
function inputUsage({ inputTokens, cached: { read, written } }: MessagesRequest): InputUsage {
  const created = written['5m'] + written['1h'];
  return {
    input_tokens: inputTokens - read - created,
    cache_creation_input_tokens: created,
    cache_read_input_tokens: read,
  };
}

interface InputUsage {
  readonly input_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
}

function messageDelta(
  request: MessagesRequest,
  { reached, outputTokens }: AnswerLimit,
  totals: Totals,
): MessageDeltaEvent {
  const ownReason = totals.hasTool ? 'tool_use' : 'end_turn';
  const isDetailed = totals.hasThinking || alwaysDetailsOutput(request.model);
  return {
    type: 'message_delta',
    delta: {
      stop_reason: reached?.type ?? ownReason,
      stop_sequence: reached?.type === 'stop_sequence' ? reached.sequence : null,
      stop_details: null,
      container: null,
    },
    usage: {
      ...inputUsage(request),
      output_tokens: Math.max(outputTokens, totals.startTokens),
      ...(isDetailed ? { output_tokens_details: { thinking_tokens: totals.thinkingTokens } } : {}),
    },
  };
}
