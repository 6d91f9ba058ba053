// `/streams`: answers as things of their own: started, looked at, followed from anywhere, stopped from anywhere.

import type { StreamState } from '../../storage/index.ts';
import { describeStream } from '../describe-stream.ts';
import { maySee } from '../access/caller.ts';
import { errorResponse, jsonResponse } from '../http.ts';
import type { RelayRequest, RelayResponse } from '../http.ts';
import { offsetOf, refuseOffset } from '../offset.ts';
import { parseOnDisconnect } from '../on-disconnect.ts';
import { parseRequest } from '../page-request.ts';
import { RequestError } from '../request-error.ts';
import type { RouteContext } from '../route-context.ts';
import { parseFormat } from '../stream-format.ts';
import { beginTurn, conversationHeaders } from './begin-turn.ts';
import { openStream } from './open-stream.ts';
import type { StreamStart } from './open-stream.ts';
import { pageStream } from './page-stream.ts';
import { nothingLeft, readStream, streamResponse } from './stream-response.ts';

/** The most characters an idempotency key may have; as many as others allow. */
const maxKeyLength = 255;

export async function postStreams(request: RelayRequest, context: RouteContext): Promise<RelayResponse> {
  const asked = await parseRequest(request, context);
  const leavingDoes = parseOnDisconnect(asked.onDisconnect, 'onDisconnect');
  const format = parseFormat(request);
  const idempotencyKey = idempotencyKeyOf(request);
  if (idempotencyKey === undefined)
    refuseOffset(request, 'GET /streams/:id, or the request’s Idempotency-Key');
  const after = offsetOf(request);
  const begun = await beginTurn(asked, { context, idempotencyKey });
  if (begun.type === 'refused') return begun.response;
  const start: StreamStart = {
    ...pageStream(request, context, begun.body),
    ...begun.start,
    idempotencyKey,
    ...leavingDoes?.(format === undefined ? undefined : request.signal),
  };
  return openStream(context, start, {
    signal: request.signal,
    // Who asked for no events looks for itself how it went.
    patienceMs: format === undefined ? 0 : context.pingMs,
    after,
    respond: (id, { conversation, follow }) => {
      const headers = conversationHeaders(conversation);
      if (format === undefined)
        return jsonResponse(202, { id, conversation }, { ...headers, 'x-stream-id': id });
      return streamResponse(id, follow(format.createEncoder(id)), { ...format.headers, ...headers });
    },
  });
}

export async function getStream(
  request: RelayRequest,
  context: RouteContext,
  id: string,
): Promise<RelayResponse> {
  const state = await stateFor(context, id);
  if (state === undefined) return notFound(id);
  const format = parseFormat(request);
  if (format === undefined) return jsonResponse(200, await describe(state, context), { 'x-stream-id': id });
  const after = offsetOf(request);
  return nothingLeft(state, after) ?? readStream(request, context, { id, owner: state.owner, format, after });
}

export async function postStop(
  _request: RelayRequest,
  context: RouteContext,
  id: string,
): Promise<RelayResponse> {
  const state = await stateFor(context, id);
  if (state === undefined) return notFound(id);
  await context.streams.stop(id);
  return jsonResponse(200, { id }, { 'x-stream-id': id });
}

/** Again it is a 404, and does no harm. */
export async function deleteStream(
  _request: RelayRequest,
  context: RouteContext,
  id: string,
): Promise<RelayResponse> {
  const state = await stateFor(context, id);
  if (state === undefined) return notFound(id);
  await context.streams.remove(id);
  return { status: 204, headers: { 'x-stream-id': id }, body: '' };
}

/** Throws RequestError for a key that is empty or too long. */
function idempotencyKeyOf({ headers }: RelayRequest): string | undefined {
  const key = headers.get('idempotency-key');
  if (key !== undefined && (key === '' || key.length > maxKeyLength))
    throw new RequestError(400, `Idempotency-Key: must have 1 to ${maxKeyLength} characters`);
  return key;
}

/** Undefined also for the stream of somebody else. */
async function stateFor({ streams, caller }: RouteContext, id: string): Promise<StreamState | undefined> {
  const state = await streams.log.state(id);
  return state !== undefined && maySee(caller, state) ? state : undefined;
}

async function describe(state: StreamState, { streams }: RouteContext): Promise<object> {
  return { ...(await describeStream(state, streams.log)), position: streams.positionOf(state.id) ?? null };
}

function notFound(id: string): RelayResponse {
  return errorResponse(404, 'not_found_error', `stream: ${id}`);
}
