// `/v1/*`: the Messages API itself, for programs. Body, query, betas and version go up untouched; frames, errors
// and status come down untouched.

import { limitsOf } from '../access/access-rules.ts';
import { countedReply } from '../access/counted-reply.ts';
import { askedRefusal } from '../access/asked.ts';
import type { MessagesBody } from '../access/asked.ts';
import { createMessagesEncoder } from '../formats/messages-format.ts';
import { errorResponse } from '../http.ts';
import type { RelayRequest, RelayResponse } from '../http.ts';
import { parseObject } from '../json-object.ts';
import { linkSignals } from '../linked-signal.ts';
import { parseOnDisconnect } from '../on-disconnect.ts';
import { RequestError } from '../request-error.ts';
import { readBodyText } from '../request-body.ts';
import type { RouteContext } from '../route-context.ts';
import { timedReply } from '../timed-reply.ts';
import type { passedResponse } from '../upstream.ts';
import { openStream } from './open-stream.ts';
import type { StreamStart } from './open-stream.ts';
import { streamResponse } from './stream-response.ts';

export async function postMessages(request: RelayRequest, context: RouteContext): Promise<RelayResponse> {
  const text = await readBodyText(request, context.limits.maxApiBodyBytes);
  // All else about it is upstream's to judge.
  const body = parseObject(text);
  if (body === undefined) {
    return errorResponse(
      400,
      'invalid_request_error',
      'The request body is not valid JSON: it must be an object',
    );
  }
  if (body['stream'] === true) return streamMessages(request, { text, body }, context);
  return askedRefusal(body, context) ?? reply(request, { text, body }, context);
}

async function reply(
  request: RelayRequest,
  { text, body }: { text: string; body: MessagesBody },
  context: RouteContext,
): Promise<RelayResponse> {
  const { access, caller, closing, watchReply, calls } = context;
  // It begins when all of it is there.
  const headersMs = calls.timeouts.progressMs;
  using leaving = linkSignals([request.signal, closing]);
  const call = (signal: AbortSignal) =>
    watchReply(() => passThrough({ ...request, signal }, { body: text, headersMs }, context), signal);
  if (!access.accounts.needsTurns(caller.owner)) return await call(leaving.signal);
  return await countedReply(access.accounts.enter(caller.owner, body), {
    signal: leaving.signal,
    waitMs: limitsOf(access.rules, caller.owner).waitMs,
    call,
  });
}

export async function postCountTokens(request: RelayRequest, context: RouteContext): Promise<RelayResponse> {
  const text = await readBodyText(request, context.limits.maxApiBodyBytes);
  return askedRefusal(parseObject(text) ?? {}, context) ?? passThrough(request, { body: text }, context);
}

export function getModels(request: RelayRequest, context: RouteContext): Promise<RelayResponse> {
  return passThrough(request, {}, context);
}

async function streamMessages(
  request: RelayRequest,
  { text: requestText, body }: { text: string; body: MessagesBody },
  context: RouteContext,
): Promise<RelayResponse> {
  const { caller, upstream } = context;
  const target = { target: request.path + request.query, headers: upstream.headersFor(request) };
  const name = 'x-millrace-on-disconnect';
  const leavingDoes = parseOnDisconnect(request.headers.get(name), name);
  const start: StreamStart = {
    owner: caller.owner,
    body,
    call: {
      request: requestText,
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
    signal: request.signal,
    respond: (id, { headers, follow }) =>
      streamResponse(id, follow(createMessagesEncoder({ withIds: false })), withoutType(headers)),
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
  { body, headersMs }: { readonly body?: string; readonly headersMs?: number },
  { upstream, closing, calls: settings }: RouteContext,
): ReturnType<typeof passedResponse> {
  using leaving = linkSignals([request.signal, closing]);
  const asked = {
    method: body === undefined ? ('GET' as const) : ('POST' as const),
    target: request.path + request.query,
    headers: upstream.headersFor(request),
    ...(body === undefined ? {} : { body }),
  };
  return await timedReply((options) => upstream.call({ ...asked, ...options }), {
    settings,
    signal: leaving.signal,
    headersMs: headersMs ?? settings.timeouts.headersMs,
  });
}

function withoutType(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'content-type'));
}
