// `/v1/*`: the Messages API itself, for programs. Body, query, betas and version go up untouched; frames, errors
// and status come down untouched.

import { logStart } from '../../storage/index.ts';
import { createMessagesEncoder } from '../formats/messages-format.ts';
import { errorResponse, eventStreamResponse } from '../http.ts';
import type { RelayRequest, RelayResponse } from '../http.ts';
import { linkSignals } from '../linked-signal.ts';
import { parseOnDisconnect } from '../on-disconnect.ts';
import { RequestError } from '../request-error.ts';
import { readBodyText } from '../request-body.ts';
import type { RouteContext } from '../route-context.ts';
import type { StartOptions } from '../streams.ts';
import { passedResponse } from '../upstream.ts';
import { openStream } from './open-stream.ts';

export async function postMessages(request: RelayRequest, context: RouteContext): Promise<RelayResponse> {
  const body = await readBodyText(request, context.limits.maxApiBodyBytes);
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
  return passThrough(request, await readBodyText(request, context.limits.maxApiBodyBytes), context);
}

export function getModels(request: RelayRequest, context: RouteContext): Promise<RelayResponse> {
  return passThrough(request, undefined, context);
}

async function streamMessages(
  request: RelayRequest,
  body: string,
  context: RouteContext,
): Promise<RelayResponse> {
  const { caller, streams, upstream } = context;
  const target = { target: request.path + request.query, headers: upstream.headersFor(request) };
  const name = 'x-millrace-on-disconnect';
  const leavingDoes = parseOnDisconnect(request.headers.get(name), name);
  const start: StartOptions = {
    owner: caller.owner,
    call: {
      request: body,
      post: upstream.poster(target),
      // The clients of this route have retries of their own.
      retries: switchOf(request, 'x-millrace-retry', false),
      // What was asked for is what is answered, unless the client says otherwise.
      fallsBack: switchOf(request, 'x-millrace-fallback', false),
      recovers: switchOf(request, 'x-millrace-recover', true),
      canRewind: false,
      holdsTools: switchOf(request, 'x-millrace-hold-tool-input', false),
    },
    // A client of the API that goes away wants no more of the answer, and would pay for it.
    ...(leavingDoes?.(request.signal) ?? { leaving: request.signal }),
  };
  return openStream(context, start, {
    respond: (id, headers) => {
      const encoder = createMessagesEncoder({ withIds: false });
      const text = streams.follow(id, encoder, { after: logStart, signal: request.signal });
      return eventStreamResponse(text, { ...withoutType(headers), 'x-stream-id': id });
    },
  });
}

/** Throws RequestError for a header that is neither `on` nor `off`. */
function switchOf({ headers }: RelayRequest, name: string, usual: boolean): boolean {
  const value = headers.get(name);
  if (value === undefined) return usual;
  if (value !== 'on' && value !== 'off')
    throw new RequestError(400, `${name}: must be "on" or "off", not ${JSON.stringify(value)}`);
  return value === 'on';
}

async function passThrough(
  request: RelayRequest,
  body: string | undefined,
  { upstream, closing }: RouteContext,
): Promise<RelayResponse> {
  using leaving = linkSignals([request.signal, closing]);
  const response = await upstream.call({
    method: body === undefined ? 'GET' : 'POST',
    target: request.path + request.query,
    headers: upstream.headersFor(request),
    signal: leaving.signal,
    ...(body === undefined ? {} : { body }),
  });
  return await passedResponse(response);
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
