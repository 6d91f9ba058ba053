// `/api/chat`: the interface that the AI SDK's `useChat` expects of its server. The chat's id names the conversation.

import { logStart } from '../../storage/index.ts';
import { createUiEncoder } from '../formats/ui-format.ts';
import type { UiVersion } from '../formats/ui-chunk.ts';
import { errorResponse, eventStreamResponse, jsonResponse } from '../http.ts';
import type { RelayRequest, RelayResponse } from '../http.ts';
import { limitResponse } from '../limits.ts';
import { orphanMs, parseOnDisconnect } from '../on-disconnect.ts';
import { RequestError } from '../request-error.ts';
import type { RouteContext } from '../route-context.ts';
import { parseChatId, parseChatRequest } from '../use-chat/chat-request.ts';
import { openStream } from './open-stream.ts';

export async function postChat(request: RelayRequest, context: RouteContext): Promise<RelayResponse> {
  const version = parseUiVersion(request);
  const { body, chatId, messageId, onDisconnect } = await parseChatRequest(request, context);
  const leavingDoes = parseOnDisconnect(onDisconnect, 'onDisconnect');
  const { upstream, owner } = context;
  const target = { target: '/v1/messages', headers: upstream.ownHeaders(request) };
  const canRewind = version === 7;
  const call = { request: body, post: upstream.poster(target), retries: true, recovers: true, canRewind };
  return openStream(
    context,
    {
      owner,
      conversation: chatId,
      messageId,
      // What has not been shown can be made anew, also for a reader who can take nothing back.
      call: { ...call, holdsTools: !canRewind },
      takeover: upstream.takeoverTerms(target),
      ...(leavingDoes?.(request.signal) ?? { orphanMs }),
    },
    {
      patienceMs: context.pingMs,
      respond: (id) => uiResponse(request, context, { streamId: id, version, isReplay: false }),
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
  const streamId = await newestOf(context, name);
  if (streamId === undefined) return { status: 204, headers: {}, body: '' };
  if (context.streams.readers.isFull(streamId)) return limitResponse('readers');
  return uiResponse(request, context, { streamId, version, isReplay: true });
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

/** Which parts the client understands: `?v=7`, or those of ai 6. Throws RequestError. */
export function parseUiVersion({ query }: RelayRequest): UiVersion {
  const version = new URLSearchParams(query).get('v') ?? '6';
  if (version === '6') return 6;
  if (version === '7') return 7;
  throw new RequestError(400, `v: must be 6 or 7, not ${JSON.stringify(version)}`);
}

function newestOf({ streams, owner }: RouteContext, name: string): Promise<string | undefined> {
  return streams.log.newest(owner, parseChatId(decoded(name), 'The id in the path'));
}

/** Empty for what is no sound encoding. */
function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return '';
  }
}

function uiResponse(
  { signal }: RelayRequest,
  { streams }: RouteContext,
  options: { streamId: string; version: UiVersion; isReplay: boolean },
): RelayResponse {
  const id = options.streamId;
  const text = streams.follow(id, createUiEncoder(options), { after: logStart, signal });
  return eventStreamResponse(text, {
    'x-stream-id': id,
    'x-vercel-ai-ui-message-stream': 'v1',
    // By this one assistant-ui knows that there is something to come back to.
    'x-resumable-stream-id': id,
  });
}
