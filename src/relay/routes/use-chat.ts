// `/api/chat`: the interface that the AI SDK's `useChat` expects of its server. The chat's id names the conversation.

import { logStart } from '../../storage/index.ts';
import { takePlaceAt } from '../access/reader-limits.ts';
import { errorResponse, eventStreamResponse, jsonResponse } from '../http.ts';
import type { RelayRequest, RelayResponse } from '../http.ts';
import { limitResponse } from '../limits.ts';
import { orphanMs, parseOnDisconnect } from '../on-disconnect.ts';
import type { RouteContext } from '../route-context.ts';
import { parseUiVersion, uiFormat } from '../stream-format.ts';
import type { StreamFormat } from '../stream-format.ts';
import { parseChatId, parseChatRequest } from '../use-chat/chat-request.ts';
import { openStream } from './open-stream.ts';

export async function postChat(request: RelayRequest, context: RouteContext): Promise<RelayResponse> {
  const version = parseUiVersion(request);
  const { body, turns, chatId, messageId, onDisconnect } = await parseChatRequest(request, context);
  const leavingDoes = parseOnDisconnect(onDisconnect, 'onDisconnect');
  const { upstream, caller, conversations } = context;
  const target = { target: '/v1/messages', headers: upstream.ownHeaders(request) };
  const canRewind = version === 7;
  const call = { request: body, post: upstream.poster(target), retries: true, recovers: true, canRewind };
  return openStream(
    context,
    {
      owner: caller.owner,
      conversation: chatId,
      messageId,
      onCreated: await conversations.adopt(caller.owner, chatId, turns),
      // What has not been shown can be made anew, also for a reader who can take nothing back.
      call: { ...call, holdsTools: !canRewind },
      takeover: upstream.takeoverTerms(target),
      ...(leavingDoes?.(request.signal) ?? { orphanMs }),
    },
    {
      signal: request.signal,
      patienceMs: context.pingMs,
      respond: (id, { follow }) => {
        const format = uiFormat({ version, isReplay: false });
        return uiResponse(id, format, follow(format.createEncoder(id)));
      },
    },
  );
}

/** 204 when there is nothing to read. */
export async function getChatStream(
  request: RelayRequest,
  context: RouteContext,
  name: string,
): Promise<RelayResponse> {
  const version = parseUiVersion(request);
  const id = await newestOf(context, name);
  if (id === undefined) return { status: 204, headers: {}, body: '' };
  const place = takePlaceAt(id, context);
  if (place === undefined) return limitResponse('readers');
  const { signal } = request;
  const format = uiFormat({ version, isReplay: true });
  const text = context.streams.follow(id, format.createEncoder(id), { after: logStart, signal, place });
  return uiResponse(id, format, text);
}

export async function postChatStop(
  _request: RelayRequest,
  context: RouteContext,
  name: string,
): Promise<RelayResponse> {
  const id = await newestOf(context, name);
  if (id === undefined) return errorResponse(404, 'not_found_error', 'This chat has no answer to stop');
  await context.streams.stop(id);
  return jsonResponse(200, { id }, { 'x-stream-id': id });
}

function newestOf({ streams, caller }: RouteContext, name: string): Promise<string | undefined> {
  return streams.log.newest(caller.owner, parseChatId(decoded(name), 'The id in the path'));
}

/** Empty for what is no sound encoding. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return '';
  }
}

function uiResponse(id: string, format: StreamFormat, text: AsyncIterable<string>): RelayResponse {
  // By the last one assistant-ui knows that there is something to come back to.
  return eventStreamResponse(text, { ...format.headers, 'x-stream-id': id, 'x-resumable-stream-id': id });
}
