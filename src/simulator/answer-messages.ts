// POST /v1/messages: one answer, as a stream or as one message.

import { setImmediate as nextTurn } from 'node:timers/promises';

import { MessageAccumulator } from '../protocol/index.ts';
import type { KnownStreamEvent } from '../protocol/index.ts';
import { answerTo } from './answer.ts';
import type { Exchange } from './exchange.ts';
import { acceptsGzip } from './gzip-frames.ts';
import type { MessagesRequest } from './messages-request.ts';
import { Pacer } from './pacer.ts';
import { recordedType, splitRecording } from './recorded-frames.ts';
import { sendFrames } from './send-frames.ts';
import type { TimedFrame } from './send-frames.ts';
import { sendJson } from './send-json.ts';
import { toFrame } from './to-frame.ts';
import { parseMessagesRequest } from './validate-request.ts';
import { wireEvents } from './wire-events.ts';

export async function answerMessages(exchange: Exchange, body: unknown): Promise<void> {
  const request = parseMessagesRequest(body);
  const { limits } = exchange.simulation;
  limits.spend('requests', 1);
  limits.spend('input-tokens', request.inputTokens);
  await (request.isStream ? sendStream(exchange, request) : sendMessage(exchange, request));
}

async function sendStream(exchange: Exchange, request: MessagesRequest): Promise<void> {
  const { simulation, record, outlet } = exchange;
  const { recording, speed } = simulation.settings;
  const isCompressed = acceptsGzip(exchange.request.headers['accept-encoding']);
  const pacer = new Pacer(exchange.random('pacing'), speed);
  const firstByteMs = pacer.firstByteMs();
  if (firstByteMs > 0) await outlet.pause(firstByteMs);
  if (!outlet.isOpen) return;
  if (isCompressed) outlet.compress();
  exchange.begin(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    ...(isCompressed ? { 'content-encoding': 'gzip' } : {}),
    ...simulation.limits.headers(),
    ...exchange.headers(),
  });
  const frames =
    recording === undefined ? generatedFrames(exchange, request, pacer) : recordedFrames(recording, pacer);
  const onSent = (byteCount: number): void => {
    record.eventsSent += 1;
    record.bytesSent += byteCount;
    simulation.log.changed(record);
  };
  await sendFrames(frames, { outlet, clock: simulation.clock, onSent });
}

async function sendMessage(exchange: Exchange, request: MessagesRequest): Promise<void> {
  const { simulation, outlet } = exchange;
  const pacer = new Pacer(exchange.random('pacing'), simulation.settings.speed);
  const accumulator = new MessageAccumulator();
  let durationMs = pacer.firstByteMs();
  let eventCount = 0;
  for (const event of answerEvents(exchange, request)) {
    accumulator.push(event);
    durationMs += pacer.gapMs(event.type);
    eventCount += 1;
    // A long answer leaves the others their turn.
    if (eventCount % 1000 === 0) await nextTurn();
    if (!outlet.isOpen) return;
  }
  if (durationMs > 0) await outlet.pause(durationMs);
  await sendJson(exchange, { headers: simulation.limits.headers(), body: toWholeMessage(accumulator) });
}

/** A tool input that was cut is no input: the API gives `{}` for it. */
function toWholeMessage(accumulator: MessageAccumulator): object {
  const { message } = accumulator;
  const content = message?.content.map((block) =>
    accumulator.inputOf(block)?.complete === false ? { ...block, input: {} } : block,
  );
  return { ...message, content };
}

/** The same events however they are sent. */
function* answerEvents(exchange: Exchange, request: MessagesRequest): Generator<KnownStreamEvent> {
  const random = { ids: exchange.random('ids'), cuts: exchange.random('cuts') };
  for (const event of wireEvents(request, answerTo(request), random)) {
    yield event;
    if (event.type !== 'message_delta') continue;
    exchange.simulation.limits.spend('output-tokens', event.usage?.output_tokens ?? 0);
  }
}

function* generatedFrames(exchange: Exchange, request: MessagesRequest, pacer: Pacer): Generator<TimedFrame> {
  const padding = exchange.random('padding');
  for (const event of answerEvents(exchange, request)) {
    yield { bytes: Buffer.from(toFrame(event, padding)), gapMs: pacer.gapMs(event.type) };
  }
}

function* recordedFrames(recording: Uint8Array, pacer: Pacer): Generator<TimedFrame> {
  for (const bytes of splitRecording(recording)) yield { bytes, gapMs: pacer.gapMs(recordedType(bytes)) };
}
