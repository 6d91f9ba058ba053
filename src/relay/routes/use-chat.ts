// `/api/chat`: the interface that the AI SDK's `useChat` expects of its server. The chat's id names the conversation.

import { errorResponse, jsonResponse } from '../http.ts';
import type { RelayRequest, RelayResponse } from '../http.ts';
import { refuseOffset } from '../offset.ts';
import { orphanMs, parseOnDisconnect } from '../on-disconnect.ts';
import { decodePathName } from '../path-name.ts';
import type { RouteContext } from '../route-context.ts';
import { parseUiVersion, uiFormat } from '../stream-format.ts';
import { parseChatId, parseChatRequest } from '../use-chat/chat-request.ts';
import { openStream } from './open-stream.ts';
import { pageStream } from './page-stream.ts';
import { readStream, streamResponse } from './stream-response.ts';

export async function postChat(request: RelayRequest, context: RouteContext): Promise<RelayResponse> {
  refuseOffset(request, 'GET /api/chat/:id/stream');
  const version = parseUiVersion(request);
  const { body, turns, chatId, messageId, onDisconnect } = await parseChatRequest(request, context);
  const leavingDoes = parseOnDisconnect(onDisconnect, 'onDisconnect');
  const { caller, conversations } = context;
  const canRewind = version === 7;
  const { messages, turn, add } = await conversations.adopt(caller.owner, chatId, turns);
  const stream = pageStream(request, context, { ...body, messages });
  return openStream(
    context,
    {
      ...stream,
      conversation: chatId,
      messageId,
      turn,
      onCreated: add,
      // What has not been shown can be made anew, also for a reader who can take nothing back.
      call: { ...stream.call, canRewind, holdsTools: !canRewind },
      ...(leavingDoes?.(request.signal) ?? { orphanMs }),
    },
    {
      signal: request.signal,
      patienceMs: context.pingMs,
      respond: (id, { follow }) => {
        const format = uiFormat({ version, isReplay: false });
        const headers = { ...format.headers, ...resumable(id) };
        return streamResponse(id, follow(format.createEncoder(id)), headers);
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
  const format = uiFormat({ version, isReplay: true });
  return readStream(request, context, { id, format, headers: resumable(id) });
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
  return streams.log.newest(caller.owner, parseChatId(decodePathName(name), 'The id in the path'));
}

/** By this assistant-ui knows that there is something to come back to. */
function resumable(id: string): Readonly<Record<string, string>> {
  return { 'x-resumable-stream-id': id };
}
