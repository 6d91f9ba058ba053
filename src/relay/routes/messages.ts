// `/v1/*`: the Messages API itself, for programs. Body, query, betas and version go up untouched; frames, errors
// and status come down untouched.

import { logStart } from '../../storage/index.ts';
import { createMessagesEncoder } from '../formats/messages-format.ts';
import { errorResponse, eventStreamResponse } from '../http.ts';
import type { RelayRequest, RelayResponse } from '../http.ts';
import type { RouteContext } from '../route-context.ts';
import { passedResponse } from '../upstream.ts';

/** The request limit of the Messages API. */
const maxBodyBytes = 32 * 1024 * 1024;

/** Far above any reply. */
const maxReplyBytes = 256 * 1024 * 1024;

export async function postMessages(request: RelayRequest, context: RouteContext): Promise<RelayResponse> {
  const body = await request.readBody(maxBodyBytes);
  const wanted = wantsStream(body);
  if (wanted === undefined) {
    return errorResponse(
      400,
      'invalid_request_error',
      'The request body is not valid JSON: it must be an object',
    );
  }
  return wanted ? streamMessages(request, body, context) : passThrough(request, body, context);
}

export async function postCountTokens(request: RelayRequest, context: RouteContext): Promise<RelayResponse> {
  return passThrough(request, await request.readBody(maxBodyBytes), context);
}

export function getModels(request: RelayRequest, context: RouteContext): Promise<RelayResponse> {
  return passThrough(request, undefined, context);
}

async function streamMessages(
  request: RelayRequest,
  body: string,
  context: RouteContext,
): Promise<RelayResponse> {
  const { streams, upstream } = context;
  const headers = upstream.headersFor(request);
  const target = request.path + request.query;
  const started = await streams.start({
    owner: context.owner,
    request: body,
    call: (signal) => upstream.call({ method: 'POST', target, headers, body, signal }),
  });
  if (started.type !== 'started') return context.refusalOf(started);
  const { id } = started;
  // A client of the API that goes away wants no more of the answer, and would pay for it.
  request.signal.addEventListener('abort', () => void streams.stop(id), { once: true });
  if (request.signal.aborted) await streams.stop(id);
  const opening = await started.opening;
  if (opening.type === 'refused') return opening.response;
  const encoder = createMessagesEncoder({ withIds: false });
  const text = streams.follow(id, encoder, { after: logStart, signal: request.signal });
  return eventStreamResponse(text, { ...withoutType(opening.headers), 'x-stream-id': id });
}

async function passThrough(
  request: RelayRequest,
  body: string | undefined,
  { upstream }: RouteContext,
): Promise<RelayResponse> {
  const response = await upstream.call({
    method: body === undefined ? 'GET' : 'POST',
    target: request.path + request.query,
    headers: upstream.headersFor(request),
    signal: request.signal,
    ...(body === undefined ? {} : { body }),
  });
  return passedResponse(response, maxReplyBytes);
}

/** Undefined when the body is not a JSON object. All else about it is upstream's to judge. */
function wantsStream(body: string): boolean | undefined {
  try {
    const value = JSON.parse(body) as { stream?: unknown } | null;
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? value.stream === true
      : undefined;
  } catch {
    return undefined;
  }
}

function withoutType(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'content-type'));
}
