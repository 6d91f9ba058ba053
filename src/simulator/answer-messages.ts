// POST /v1/messages: one answer, as a stream or as one message.

import { setImmediate as nextTurn } from 'node:timers/promises';

import { MessageAccumulator } from '../protocol/index.ts';
import type { KnownStreamEvent } from '../protocol/index.ts';
import { answerTo } from './answer.ts';
import { callerOf } from './caller-of.ts';
import type { Exchange } from './exchange.ts';
import type { MessagesRequest } from './messages-request.ts';
import { leastCachedTokensOf } from './models.ts';
import { Pacer } from './pacer.ts';
import { recordedType, splitRecording } from './recorded-frames.ts';
import { sendJson } from './send-json.ts';
import { sendReply } from './send-reply.ts';
import { toFrameStep } from './step.ts';
import type { Frame } from './step.ts';
import { toFrame } from './to-frame.ts';
import { parseMessagesRequest } from './validate-request.ts';
import { wireEvents } from './wire-events.ts';

export async function answerMessages(exchange: Exchange, body: unknown): Promise<void> {
  const { organizationId, settings, promptCache } = exchange.simulation;
  const parsed = parseMessagesRequest(body, settings.models);
  const { model, parts, inputTokens } = parsed;
  const scope = `${callerOf(exchange.request.headers)} ${model}`;
  const lookup = promptCache.find(parts, scope, leastCachedTokensOf(model));
  const request = { ...parsed, cached: lookup.tokens };
  exchange.limits.admit(inputTokens - request.cached.read, { model, organizationId });
  lookup.store();
  await (request.isStream ? sendStream(exchange, request) : sendMessage(exchange, request));
}

async function sendStream(exchange: Exchange, request: MessagesRequest): Promise<void> {
  const { recording } = exchange.simulation.settings;
  const pacer = createPacer(exchange, request);
  await sendReply(exchange, {
    delayMs: pacer.firstByteMs(),
    status: 200,
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      ...exchange.limits.headers(),
    },
    isFromEdge: false,
    isStream: true,
    steps:
      recording === undefined ? generatedFrames(exchange, request, pacer) : recordedFrames(recording, pacer),
  });
}

async function sendMessage(exchange: Exchange, request: MessagesRequest): Promise<void> {
  const { outlet } = exchange;
  const pacer = createPacer(exchange, request);
  const accumulator = new MessageAccumulator();
  let durationMs = pacer.firstByteMs();
  let eventCount = 0;
  for (const event of answerEvents(exchange, request)) {
    accumulator.push(event);
    durationMs += pacer.gapMs(event.type, characterCountOf(event));
    eventCount += 1;
    // A long answer leaves the others their turn.
    if (eventCount % 1000 === 0) await nextTurn();
    if (!outlet.isOpen) return;
  }
  if (durationMs > 0) await outlet.pause(durationMs);
  await sendJson(exchange, { headers: exchange.limits.headers(), body: toWholeMessage(accumulator) });
}

function createPacer(exchange: Exchange, request: MessagesRequest): Pacer {
  const { speed, pace } = exchange.simulation.settings;
  const inputTokens = request.inputTokens - request.cached.read;
  return new Pacer({ ...pace, speed, model: request.model, inputTokens }, exchange.random('pacing'));
}

/** What a delta brings of what counts as written. */
function characterCountOf(event: KnownStreamEvent): number {
  if (event.type !== 'content_block_delta') return 0;
  const { delta } = event;
  if (delta.type === 'text_delta') return delta.text.length;
  if (delta.type === 'thinking_delta') return delta.thinking.length;
  return delta.type === 'input_json_delta' ? delta.partial_json.length : 0;
}

/** About what a recorded delta's frame has around its text. */
const emptyDeltaBytes = 120;

/** A tool input that was cut is no input: the API gives `{}` for it. */
function toWholeMessage(accumulator: MessageAccumulator): object {
  const { message } = accumulator;
  const content = message?.content.map((block) =>
    accumulator.inputOf(block)?.complete === false ? { ...block, input: {} } : block,
  );
  return { ...message, content };
}

/** Between the ids of a request and of its message. */
const lookedAtMs = 133;

/** The same events however they are sent. */
function* answerEvents(exchange: Exchange, request: MessagesRequest): Generator<KnownStreamEvent> {
  const random = {
    ids: exchange.random('ids'),
    cuts: exchange.random('cuts'),
    // As recorded: it is made when the request has been looked at.
    beganAtMs: exchange.beganAtMs + lookedAtMs,
  };
  for (const event of wireEvents(request, answerTo(request), random)) {
    yield event;
    if (event.type !== 'message_delta') continue;
    exchange.limits.spend('output-tokens', event.usage?.output_tokens ?? 0);
  }
}

function* generatedFrames(exchange: Exchange, request: MessagesRequest, pacer: Pacer): Generator<Frame> {
  const padding = exchange.random('padding');
  for (const event of answerEvents(exchange, request)) {
    yield toFrameStep(toFrame(event, padding), pacer.gapMs(event.type, characterCountOf(event)));
  }
}

function* recordedFrames(recording: Uint8Array, pacer: Pacer): Generator<Frame> {
  for (const bytes of splitRecording(recording)) {
    const characterCount = Math.max(bytes.length - emptyDeltaBytes, 0);
    yield { type: 'frame', bytes, gapMs: pacer.gapMs(recordedType(bytes), characterCount) };
  }
}
