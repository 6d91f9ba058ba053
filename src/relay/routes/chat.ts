// `POST /chat/stream`: one message in, text events out, for a reader loop of any tutorial.

import { logStart } from '../../storage/index.ts';
import { createTextEncoder } from '../formats/text-format.ts';
import { eventStreamResponse } from '../http.ts';
import type { RelayRequest, RelayResponse } from '../http.ts';
import { readObject } from '../page-request.ts';
import { RequestError } from '../request-error.ts';
import type { RelaySettings, RouteContext } from '../route-context.ts';

/** How long an answer goes on after its reader has gone: time enough to come back, not to run up a bill. */
const orphanMs = 60_000;

export async function postChatStream(request: RelayRequest, context: RouteContext): Promise<RelayResponse> {
  const body = await toMessagesRequest(request, context.settings);
  const { streams, upstream, owner } = context;
  const headers = upstream.ownHeaders(request);
  const started = await streams.start({
    owner,
    request: body,
    orphanMs,
    call: (signal) => upstream.call({ method: 'POST', target: '/v1/messages', headers, body, signal }),
  });
  if (started.type !== 'started') return context.refusalOf(started);
  const opening = await started.opening;
  if (opening.type === 'refused') return opening.response;
  const text = streams.follow(started.id, createTextEncoder(), { after: logStart, signal: request.signal });
  return eventStreamResponse(text, { 'x-stream-id': started.id });
}

async function toMessagesRequest(
  request: RelayRequest,
  { model, maxTokens }: RelaySettings,
): Promise<string> {
  const { message, system, ...others } = await readObject(request);
  if (typeof message !== 'string' || message === '')
    throw new RequestError(400, 'message: must be a string that is not empty');
  if (system !== undefined && typeof system !== 'string')
    throw new RequestError(400, 'system: must be a string');
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new RequestError(400, `${unknown}: is not supported by this version`);
  const messages = [{ role: 'user', content: message }];
  return JSON.stringify({
    model,
    max_tokens: maxTokens,
    ...(system === undefined ? {} : { system }),
    messages,
    stream: true,
  });
}
