// `/streams`: answers as things of their own: started, looked at, followed from anywhere, stopped from anywhere.

import { MessageAccumulator, parseStreamEvent, ProtocolError } from '../../protocol/index.ts';
import { formatEntryId, isSameEntry, logStart, parseEntryId } from '../../storage/index.ts';
import type { EntryId, LogEntry, StreamState } from '../../storage/index.ts';
import { createMessagesEncoder } from '../formats/messages-format.ts';
import { createTextEncoder } from '../formats/text-format.ts';
import { errorResponse, eventStreamResponse, jsonResponse } from '../http.ts';
import type { RelayRequest, RelayResponse } from '../http.ts';
import { parseRequest } from '../page-request.ts';
import type { Encoder } from '../reader.ts';
import type { RouteContext } from '../route-context.ts';

const encoders: Readonly<Record<string, () => Encoder>> = {
  messages: () => createMessagesEncoder({ withIds: true }),
  text: createTextEncoder,
};

/** The most characters an idempotency key may have; as many as others allow. */
const maxKeyLength = 255;

export async function postStreams(request: RelayRequest, context: RouteContext): Promise<RelayResponse> {
  const body = await parseRequest(request, context.settings);
  const idempotencyKey = request.headers.get('idempotency-key');
  if (idempotencyKey !== undefined && idempotencyKey.length > maxKeyLength) {
    return errorResponse(400, 'invalid_request_error', `Idempotency-Key: at most ${maxKeyLength} characters`);
  }
  const { streams, upstream, owner } = context;
  const headers = upstream.ownHeaders(request);
  const started = await streams.start({
    owner,
    request: body,
    idempotencyKey,
    call: (signal) => upstream.call({ method: 'POST', target: '/v1/messages', headers, body, signal }),
  });
  if (started.type === 'exists') return respond(request, started.id, context);
  if (started.type !== 'started') return context.refusalOf(started);
  if (!wantsEvents(request)) return jsonResponse(202, { id: started.id }, { 'x-stream-id': started.id });
  const opening = await started.opening;
  return opening.type === 'refused' ? opening.response : respond(request, started.id, context);
}

export async function getStream(
  request: RelayRequest,
  context: RouteContext,
  id: string,
): Promise<RelayResponse> {
  const state = await context.streams.log.state(id);
  if (state === undefined || state.owner !== context.owner) return notFound(id);
  if (!wantsEvents(request)) return jsonResponse(200, await describe(state, context));
  const after = offsetOf(request);
  if (after === undefined) {
    return errorResponse(
      400,
      'invalid_request_error',
      'Last-Event-ID: must be the id of an event of this stream',
    );
  }
  // A reader that has seen the ending needs no more; without content EventSource stops reconnecting.
  if (state.ending !== undefined && isSameEntry(after, state.tail))
    return { status: 204, headers: {}, body: '' };
  return follow(request, { context, id, after });
}

export async function postStop(
  _request: RelayRequest,
  context: RouteContext,
  id: string,
): Promise<RelayResponse> {
  const state = await context.streams.log.state(id);
  if (state === undefined || state.owner !== context.owner) return notFound(id);
  await context.streams.stop(id);
  return jsonResponse(200, { id });
}

/** A stream that is there already: its events from the beginning, or where to find them. */
function respond(request: RelayRequest, id: string, context: RouteContext): RelayResponse {
  if (wantsEvents(request)) return follow(request, { context, id, after: logStart });
  return jsonResponse(202, { id }, { 'x-stream-id': id });
}

function follow(
  { query, signal }: RelayRequest,
  { context, id, after }: { context: RouteContext; id: string; after: EntryId },
): RelayResponse {
  const format = new URLSearchParams(query).get('format') ?? 'messages';
  const create = Object.hasOwn(encoders, format) ? encoders[format] : undefined;
  if (create === undefined) {
    const known = Object.keys(encoders).join(', ');
    return errorResponse(
      400,
      'invalid_request_error',
      `format: must be one of ${known}, not ${JSON.stringify(format)}`,
    );
  }
  return eventStreamResponse(context.streams.follow(id, create(), { after, signal }), { 'x-stream-id': id });
}

function wantsEvents({ headers }: RelayRequest): boolean {
  return headers.get('accept')?.includes('text/event-stream') ?? false;
}

/** Where to go on; undefined for what is no entry id. */
function offsetOf({ headers, query }: RelayRequest): EntryId | undefined {
  const text = headers.get('last-event-id') ?? new URLSearchParams(query).get('after') ?? '';
  return text === '' ? logStart : parseEntryId(text);
}

async function describe(state: StreamState, { streams }: RouteContext): Promise<object> {
  const { id, createdAt, tail, ending } = state;
  const { message } = await accumulate(id, streams.log);
  return {
    id,
    state: ending === undefined ? 'open' : 'ended',
    ending: ending ?? null,
    lastId: formatEntryId(tail),
    createdAt,
    message: message ?? null,
    usage: message?.usage ?? null,
  };
}

/** The message as far as the log has it. */
async function accumulate(id: string, log: RouteContext['streams']['log']): Promise<MessageAccumulator> {
  const accumulator = new MessageAccumulator();
  let after = logStart;
  for (;;) {
    const result = await log.read(id, after, 1024);
    if (result.type !== 'entries') return accumulator;
    for (const entry of result.entries) addTo(accumulator, entry);
    const last = result.entries.at(-1);
    if (last === undefined || result.ended) return accumulator;
    after = last.id;
  }
}

function addTo(accumulator: MessageAccumulator, { record }: LogEntry): void {
  if (record.type !== 'event') return;
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
