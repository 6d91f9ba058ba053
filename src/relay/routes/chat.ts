// `POST /chat/stream`: one message in, text events out, for a reader loop of any tutorial.

import { createTextEncoder } from '../formats/text-format.ts';
import type { RelayRequest, RelayResponse } from '../http.ts';
import { refuseOffset } from '../offset.ts';
import { orphanMs, parseOnDisconnect } from '../on-disconnect.ts';
import { readObject } from '../page-request.ts';
import type { PageRequest } from '../page-request.ts';
import { RequestError } from '../request-error.ts';
import type { RouteContext } from '../route-context.ts';
import { beginTurn, conversationHeaders } from './begin-turn.ts';
import { openStream } from './open-stream.ts';
import type { StreamStart } from './open-stream.ts';
import { pageStream } from './page-stream.ts';
import { streamResponse } from './stream-response.ts';

export async function postChatStream(request: RelayRequest, context: RouteContext): Promise<RelayResponse> {
  refuseOffset(request, 'GET /streams/:id?format=text');
  const asked = await toMessagesRequest(request, context);
  const leavingDoes = parseOnDisconnect(asked.onDisconnect, 'onDisconnect');
  const begun = await beginTurn(asked, { context, idempotencyKey: undefined });
  if (begun.type === 'refused') return begun.response;
  const start: StreamStart = {
    ...pageStream(request, context, begun.body),
    ...begun.start,
    ...(leavingDoes?.(request.signal) ?? { orphanMs }),
  };
  const headers = conversationHeaders(begun.start.conversation);
  return openStream(context, start, {
    signal: request.signal,
    patienceMs: context.pingMs,
    respond: (id, { follow }) => streamResponse(id, follow(createTextEncoder()), headers),
  });
}

async function toMessagesRequest(request: RelayRequest, context: RouteContext): Promise<PageRequest> {
  const { message, system, onDisconnect, conversation, parent, ...others } = await readObject(
    request,
    context,
  );
  if (typeof message !== 'string' || message === '')
    throw new RequestError(400, 'message: must be a string that is not empty');
  if (system !== undefined && typeof system !== 'string')
    throw new RequestError(400, 'system: must be a string');
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new RequestError(400, `${unknown}: is not supported by this version`);
  const { model, maxTokens } = context.settings;
  const fields = {
    model,
    max_tokens: maxTokens,
    ...(system === undefined ? {} : { system }),
    messages: [{ role: 'user', content: message }],
    stream: true,
  };
  return { fields, onDisconnect, conversation, parent };
}
