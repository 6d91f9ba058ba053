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
import type { Seam } from './seam.ts';
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
  const { recording, speed } = exchange.simulation.settings;
  const pacer = new Pacer(exchange.random('pacing'), speed);
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
  await sendJson(exchange, { headers: exchange.limits.headers(), body: toWholeMessage(accumulator) });
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
  const answer = answerTo(request, seamOf(exchange), exchange.random('seam'));
  for (const event of wireEvents(request, answer, random)) {
    yield event;
    if (event.type !== 'message_delta') continue;
    exchange.limits.spend('output-tokens', event.usage?.output_tokens ?? 0);
  }
}

/** As the plan of the request says, else the option. */
function seamOf({ faults, simulation }: Exchange): Seam {
  return faults.find((fault) => fault.kind === 'seam') ?? { as: simulation.settings.seam };
}

function* generatedFrames(exchange: Exchange, request: MessagesRequest, pacer: Pacer): Generator<Frame> {
  const padding = exchange.random('padding');
  for (const event of answerEvents(exchange, request)) {
    yield toFrameStep(toFrame(event, padding), pacer.gapMs(event.type));
  }
}

function* recordedFrames(recording: Uint8Array, pacer: Pacer): Generator<Frame> {
  for (const bytes of splitRecording(recording)) {
    yield { type: 'frame', bytes, gapMs: pacer.gapMs(recordedType(bytes)) };
  }
}
