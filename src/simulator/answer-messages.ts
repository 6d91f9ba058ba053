// POST /v1/messages: one answer, as a stream or as one message.

import { setImmediate as nextTurn } from 'node:timers/promises';

import { MessageAccumulator } from '../protocol/index.ts';
import type { KnownStreamEvent } from '../protocol/index.ts';
import { callerOf } from './caller-of.ts';
import type { Exchange } from './exchange.ts';
import { chooseSetFaults } from './faults/choose-faults.ts';
import type { JsonObject } from './json-object.ts';
import type { MessagesParams } from './messages-params.ts';
import type { MessagesRequest } from './messages-request.ts';
import { leastCachedTokensOf } from './models.ts';
import { createPacer } from './create-pacer.ts';
import type { Pacer } from './pacer.ts';
import { pacedFrames } from './paced-frames.ts';
import type { RecordedTimes } from './replay/recorded-times.ts';
import { replaySteps } from './replay/replay-steps.ts';
import { toAsked } from './scenario/match-when.ts';
import type { ParsedReply } from './scenario/parse-scenario.ts';
import { recordedMessage, writtenEvents } from './scenario/scripted-events.ts';
import type { WrittenReply } from './scenario/scripted-events.ts';
import { withScriptedTiming } from './scenario/scripted-timing.ts';
import type { Timing } from './scenario/scripted-timing.ts';
import { toErrorReply } from './scenario/to-error-reply.ts';
import type { Seam } from './seam.ts';
import { sendJson } from './send-json.ts';
import { sendReply } from './send-reply.ts';
import type { EventsStep, Step } from './step.ts';
import { parseMessagesRequest } from './validate-request.ts';

export async function answerMessages(exchange: Exchange, body: unknown): Promise<void> {
  const { organizationId, settings, promptCache, script, log } = exchange.simulation;
  const parsed = parseMessagesRequest(body, settings.models);
  const { model, parts, inputTokens } = parsed;
  const { headers } = exchange.request;
  exchange.record.params = body as MessagesParams;
  const choice = script.find(toAsked(parsed, body as JsonObject, headers));
  exchange.record.rule = choice.label;
  chooseSetFaults(exchange, choice.faults);
  log.changed(exchange.record);
  const lookup = promptCache.find(parts, `${callerOf(headers)} ${model}`, leastCachedTokensOf(model));
  const request = { ...parsed, cached: lookup.tokens };
  exchange.limits.admit(inputTokens - request.cached.read, { model, organizationId });
  lookup.store();
  choice.use(exchange.record);
  await send(exchange, request, choice.reply);
}

async function send(exchange: Exchange, request: MessagesRequest, chosen: ParsedReply): Promise<void> {
  if (chosen.type === 'error') return sendReply(exchange, toErrorReply(chosen.error, exchange.requestId));
  const { replay, settings } = exchange.simulation;
  const isReplaced = replay?.kind === 'stream' && request.isStream && isBuiltIn(chosen);
  const reply = isReplaced ? ({ type: 'recording', recording: replay.bytes } as const) : chosen;
  const timing = withScriptedTiming(pacerFor(exchange, request), reply);
  // A pace that was asked for goes before the one that was recorded.
  if (isReplaced && replay.times !== undefined && settings.pace === undefined)
    return sendTimed(exchange, timing, { bytes: replay.bytes, times: replay.times });
  if (reply.type === 'recording') {
    return request.isStream
      ? sendStream(exchange, timing, pacedFrames(reply.recording, timing))
      : sendMessage(exchange, recordedMessage(reply.recording), timing.firstByteMs());
  }
  const writing = { request, reply, timing };
  return request.isStream
    ? sendStream(exchange, timing, eventSteps(exchange, writing))
    : writeMessage(exchange, writing);
}

function isBuiltIn(reply: ParsedReply): boolean {
  return reply.type === 'answer' && reply.answer === undefined;
}

/** An answer that is made for the request. */
interface Writing {
  readonly request: MessagesRequest;
  readonly reply: WrittenReply;
  readonly timing: Timing;
}

async function sendStream(
  exchange: Exchange,
  timing: Timing,
  steps: Iterable<Step | EventsStep>,
): Promise<void> {
  await sendReply(exchange, {
    delayMs: timing.firstByteMs(),
    status: 200,
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      ...exchange.limits.headers(),
    },
    isFromEdge: false,
    isStream: true,
    steps,
  });
}

/** A recorded stream as it came. */
async function sendTimed(
  exchange: Exchange,
  timing: Timing,
  { bytes, times }: { bytes: Uint8Array; times: RecordedTimes },
): Promise<void> {
  const { speed } = exchange.simulation.settings;
  const isByEvent = exchange.faults.length > 0;
  const steps = replaySteps(times, Buffer.from(bytes), { speed, isByEvent });
  const { headMs } = times;
  const delayMs = headMs === undefined || speed === 0 ? timing.firstByteMs() : headMs / speed;
  await sendStream(exchange, { ...timing, firstByteMs: () => delayMs }, steps);
}

/** A long answer leaves the others their turn after so many. */
const eventsInTurn = 1000;

async function writeMessage(exchange: Exchange, { request, reply, timing }: Writing): Promise<void> {
  const accumulator = new MessageAccumulator();
  let durationMs = timing.firstByteMs();
  let eventCount = 0;
  for (const batch of answerEvents(exchange, request, reply)) {
    for (const event of batch) {
      accumulator.push(event);
      durationMs += timing.gapMs(event.type, characterCountOf(event));
    }
    eventCount += batch.length;
    if (eventCount >= eventsInTurn) {
      eventCount = 0;
      await nextTurn();
    }
    if (!exchange.outlet.isOpen) return;
  }
  await sendMessage(exchange, accumulator, durationMs);
}

async function sendMessage(
  exchange: Exchange,
  accumulator: MessageAccumulator,
  durationMs: number,
): Promise<void> {
  if (durationMs > 0) await exchange.outlet.pause(durationMs);
  await sendJson(exchange, { headers: exchange.limits.headers(), body: toWholeMessage(accumulator) });
}

function pacerFor(exchange: Exchange, { model, inputTokens, cached }: MessagesRequest): Pacer {
  return createPacer(exchange, { model, inputTokens: inputTokens - cached.read });
}

/** What a delta brings of what counts as written. */
function characterCountOf(event: KnownStreamEvent): number {
  if (event.type !== 'content_block_delta') return 0;
  const { delta } = event;
  if (delta.type === 'text_delta') return delta.text.length;
  if (delta.type === 'thinking_delta') return delta.thinking.length;
  return delta.type === 'input_json_delta' ? delta.partial_json.length : 0;
}

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
function* answerEvents(
  exchange: Exchange,
  request: MessagesRequest,
  reply: WrittenReply,
): Generator<readonly KnownStreamEvent[]> {
  const random = {
    ids: exchange.random('ids'),
    cuts: exchange.random('cuts'),
    // As recorded: it is made when the request has been looked at.
    beganAtMs: exchange.beganAtMs + lookedAtMs,
  };
  const joint = { seam: seamOf(exchange), random: exchange.random('seam') };
  for (const batch of writtenEvents(request, reply, { random, joint })) {
    yield batch;
    if (batch.at(-1)?.type !== 'message_stop') continue;
    const end = batch.find((event) => event.type === 'message_delta');
    exchange.limits.spend('output-tokens', end?.usage?.output_tokens ?? 0);
  }
}

/** As the plan of the request says, else the option. */
function seamOf({ faults, simulation }: Exchange): Seam {
  return faults.find((fault) => fault.kind === 'seam') ?? { as: simulation.settings.seam };
}

/** Events that are due at the same time are one step. */
function* eventSteps(exchange: Exchange, { request, reply, timing }: Writing): Generator<EventsStep> {
  const padding = exchange.random('padding');
  for (const batch of answerEvents(exchange, request, reply)) {
    if (!timing.hasGaps) {
      yield { type: 'events', events: batch, padding, gapMs: 0 };
      continue;
    }
    let events: KnownStreamEvent[] = [];
    let dueMs = 0;
    for (const event of batch) {
      const gapMs = timing.gapMs(event.type, characterCountOf(event));
      if (gapMs > 0 && events.length > 0) {
        yield { type: 'events', events, padding, gapMs: dueMs };
        events = [];
      }
      if (events.length === 0) dueMs = gapMs;
      events.push(event);
    }
    yield { type: 'events', events, padding, gapMs: dueMs };
  }
}
