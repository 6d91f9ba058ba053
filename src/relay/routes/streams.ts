// `/streams`: answers as things of their own: started, looked at, followed from anywhere, stopped from anywhere.

import { MessageAccumulator, parseStreamEvent, ProtocolError } from '../../protocol/index.ts';
import { formatEntryId, isSameEntry, logStart, parseEntryId } from '../../storage/index.ts';
import type { EndRecord, EntryId, EventRecord, StreamLog, StreamState } from '../../storage/index.ts';
import { areReadersFull } from '../access/reader-limits.ts';
import { maySee } from '../access/caller.ts';
import { createMessagesEncoder } from '../formats/messages-format.ts';
import { createTextEncoder } from '../formats/text-format.ts';
import { errorResponse, eventStreamResponse, jsonResponse } from '../http.ts';
import type { RelayRequest, RelayResponse } from '../http.ts';
import { limitResponse } from '../limits.ts';
import { logRecords } from '../log-records.ts';
import { parseOnDisconnect } from '../on-disconnect.ts';
import { parseRequest } from '../page-request.ts';
import type { Encoder } from '../reader.ts';
import { RequestError } from '../request-error.ts';
import type { RouteContext } from '../route-context.ts';
import { openStream } from './open-stream.ts';
import type { StreamStart } from './open-stream.ts';

const encoders: Readonly<Record<string, () => Encoder>> = {
  messages: () => createMessagesEncoder({ withIds: true }),
  text: createTextEncoder,
};

/** The most characters an idempotency key may have; as many as others allow. */
const maxKeyLength = 255;

export async function postStreams(request: RelayRequest, context: RouteContext): Promise<RelayResponse> {
  const { body, onDisconnect } = await parseRequest(request, context);
  const leavingDoes = parseOnDisconnect(onDisconnect, 'onDisconnect');
  const createEncoder = encoderFor(request);
  const { streams, upstream, caller } = context;
  const target = { target: '/v1/messages', headers: upstream.ownHeaders(request) };
  const start: StreamStart = {
    owner: caller.owner,
    idempotencyKey: idempotencyKeyOf(request),
    call: { request: body, post: upstream.poster(target), retries: true, recovers: true, canRewind: true },
    takeover: upstream.takeoverTerms(target),
    ...leavingDoes?.(wantsEvents(request) ? request.signal : undefined),
  };
  const { signal } = request;
  const isDetached = !wantsEvents(request);
  return openStream(context, start, {
    // Who asked for no events looks for itself how it went.
    patienceMs: isDetached ? 0 : context.pingMs,
    respond: (id) => {
      if (isDetached) return jsonResponse(202, { id }, { 'x-stream-id': id });
      const text = streams.follow(id, createEncoder(), { after: logStart, signal, owner: caller.owner });
      return eventStreamResponse(text, { 'x-stream-id': id });
    },
  });
}

export async function getStream(
  request: RelayRequest,
  context: RouteContext,
  id: string,
): Promise<RelayResponse> {
  const state = await context.streams.log.state(id);
  if (state === undefined || !maySee(context.caller, state)) return notFound(id);
  if (!wantsEvents(request)) return jsonResponse(200, await describe(state, context), { 'x-stream-id': id });
  const createEncoder = encoderFor(request);
  const after = offsetOf(request);
  // A reader that has seen the ending needs no more; without content EventSource stops reconnecting.
  if (state.ending !== undefined && isSameEntry(after, state.tail))
    return { status: 204, headers: { 'x-stream-id': id }, body: '' };
  if (areReadersFull(context, id)) return limitResponse('readers');
  const text = context.streams.follow(id, createEncoder(), {
    after,
    signal: request.signal,
    owner: context.caller.owner,
  });
  return eventStreamResponse(text, { 'x-stream-id': id });
}

export async function postStop(
  _request: RelayRequest,
  context: RouteContext,
  id: string,
): Promise<RelayResponse> {
  const state = await context.streams.log.state(id);
  if (state === undefined || !maySee(context.caller, state)) return notFound(id);
  await context.streams.stop(id);
  return jsonResponse(200, { id }, { 'x-stream-id': id });
}

/** Again it is a 404, and does no harm. */
export async function deleteStream(
  _request: RelayRequest,
  context: RouteContext,
  id: string,
): Promise<RelayResponse> {
  const state = await context.streams.log.state(id);
  if (state === undefined || !maySee(context.caller, state)) return notFound(id);
  await context.streams.remove(id);
  return { status: 204, headers: { 'x-stream-id': id }, body: '' };
}

/** Throws RequestError for a format that is not there. */
function encoderFor({ query }: RelayRequest): () => Encoder {
  const format = new URLSearchParams(query).get('format') ?? 'messages';
  const create = Object.hasOwn(encoders, format) ? encoders[format] : undefined;
  if (create !== undefined) return create;
  const known = Object.keys(encoders).join(', ');
  throw new RequestError(400, `format: must be one of ${known}, not ${JSON.stringify(format)}`);
}

/** Throws RequestError for a key that is empty or too long. */
function idempotencyKeyOf({ headers }: RelayRequest): string | undefined {
  const key = headers.get('idempotency-key');
  if (key !== undefined && (key === '' || key.length > maxKeyLength))
    throw new RequestError(400, `Idempotency-Key: must have 1 to ${maxKeyLength} characters`);
  return key;
}

function wantsEvents({ headers }: RelayRequest): boolean {
  return headers.get('accept')?.includes('text/event-stream') ?? false;
}

/** Where to go on. Throws RequestError for what is no entry id. */
function offsetOf({ headers, query }: RelayRequest): EntryId {
  const text = headers.get('last-event-id') ?? new URLSearchParams(query).get('after');
  const after = text === null ? logStart : parseEntryId(text);
  if (after === undefined)
    throw new RequestError(
      400,
      `Last-Event-ID: must be the id of an event of this stream, not ${JSON.stringify(text)}`,
    );
  return after;
}

async function describe(state: StreamState, { streams }: RouteContext): Promise<object> {
  const { id, createdAt, tail, ending } = state;
  const { message, end } = await accumulate(state, streams.log);
  return {
    id,
    state: ending === undefined ? 'open' : 'ended',
    ending: ending ?? null,
    lastId: formatEntryId(tail),
    createdAt,
    position: streams.positionOf(id) ?? null,
    message: message ?? null,
    usage: end?.usage ?? message?.usage ?? null,
    usage_estimated: end?.isUsageEstimated === true,
  };
}

/** What the log has of the message, and how it ends. */
async function accumulate(
  { id, tail }: StreamState,
  log: StreamLog,
): Promise<{ message: MessageAccumulator['message']; end: EndRecord | undefined }> {
  const accumulator = new MessageAccumulator();
  let end: EndRecord | undefined;
  for await (const records of logRecords(log, id, tail)) {
    for (const record of records) {
      if (record.type === 'event') addTo(accumulator, record);
      else if (record.type === 'rewind') accumulator.rewind(record.fromIndex);
      else if (record.type === 'end') end = record;
    }
  }
  return { message: accumulator.message, end };
}

function addTo(accumulator: MessageAccumulator, record: EventRecord): void {
  try {
    accumulator.push(parseStreamEvent(record));
  } catch (error) {
    // A frame that is no event ends what can be told of the message; the log's own ending says why.
    if (!(error instanceof ProtocolError)) throw error;
    accumulator.fail(error);
  }
}

function notFound(id: string): RelayResponse {
  return errorResponse(404, 'not_found_error', `stream: ${id}`);
}
