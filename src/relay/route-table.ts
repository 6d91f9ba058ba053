// What the relay answers to, and by which function.

import type { RelayRequest, RelayResponse } from './http.ts';
import type { Asset, RouteContext } from './route-context.ts';
import { postChatStream } from './routes/chat.ts';
import {
  deleteConversation,
  getConversation,
  getConversations,
  patchConversation,
} from './routes/conversations.ts';
import { getChatStream, postChat, postChatStop } from './routes/use-chat.ts';
import { getModels, postCountTokens, postMessages } from './routes/messages.ts';
import { getMetrics } from './routes/metrics.ts';
import { getHealth, getReadiness, getSettings } from './routes/page.ts';
import { deleteSession, postSession } from './routes/session.ts';
import { deleteStream, getStream, postStop, postStreams } from './routes/streams.ts';

type Handler = (request: RelayRequest, context: RouteContext, id: string) => Promise<RelayResponse>;

export interface Route {
  /** For the log. */
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: RegExp;
  readonly handle: Handler;
  /** It is refused while the relay drains. */
  readonly beginsWork?: true;
  /** It is answered to who has no key. */
  readonly isOpen?: true;
}

/** A path that matches none of these is a file of the page, or not there. What a path below `/v1` may hold goes
 * upstream as it is: nothing there may have a second meaning. */
export const routes: readonly Route[] = [
  { method: 'POST', name: '/v1/messages', path: /^\/v1\/messages$/, handle: postMessages, beginsWork: true },
  {
    method: 'POST',
    name: '/v1/messages/count_tokens',
    path: /^\/v1\/messages\/count_tokens$/,
    handle: postCountTokens,
    beginsWork: true,
  },
  { method: 'GET', name: '/v1/models', path: /^\/v1\/models(?:\/(?!\.\.?$)[\w.:@-]+)?$/, handle: getModels },
  { method: 'POST', name: '/streams', path: /^\/streams$/, handle: postStreams, beginsWork: true },
  { method: 'GET', name: '/streams/:id', path: /^\/streams\/([^/]+)$/, handle: getStream },
  { method: 'DELETE', name: '/streams/:id', path: /^\/streams\/([^/]+)$/, handle: deleteStream },
  { method: 'POST', name: '/streams/:id/stop', path: /^\/streams\/([^/]+)\/stop$/, handle: postStop },
  {
    method: 'POST',
    name: '/chat/stream',
    path: /^\/chat\/stream$/,
    handle: postChatStream,
    beginsWork: true,
  },
  { method: 'POST', name: '/api/chat', path: /^\/api\/chat$/, handle: postChat, beginsWork: true },
  {
    method: 'GET',
    name: '/api/chat/:id/stream',
    path: /^\/api\/chat\/([^/]+)\/stream$/,
    handle: getChatStream,
  },
  {
    method: 'POST',
    name: '/api/chat/:id/stop',
    path: /^\/api\/chat\/([^/]+)\/stop$/,
    handle: postChatStop,
  },
  { method: 'GET', name: '/conversations', path: /^\/conversations$/, handle: getConversations },
  {
    method: 'GET',
    name: '/conversations/:id',
    path: /^\/conversations\/([^/]+)$/,
    handle: getConversation,
  },
  {
    method: 'PATCH',
    name: '/conversations/:id',
    path: /^\/conversations\/([^/]+)$/,
    handle: patchConversation,
  },
  {
    method: 'DELETE',
    name: '/conversations/:id',
    path: /^\/conversations\/([^/]+)$/,
    handle: deleteConversation,
  },
  { method: 'POST', name: '/session', path: /^\/session$/, handle: postSession, isOpen: true },
  { method: 'DELETE', name: '/session', path: /^\/session$/, handle: deleteSession, isOpen: true },
  { method: 'GET', name: '/metrics', path: /^\/metrics$/, handle: getMetrics },
  { method: 'GET', name: '/relay.json', path: /^\/relay\.json$/, handle: getSettings },
  { method: 'GET', name: '/healthz', path: /^\/healthz$/, handle: getHealth, isOpen: true },
  { method: 'GET', name: '/readyz', path: /^\/readyz$/, handle: getReadiness, isOpen: true },
];

/** Never the path: what stands there may be anything. */
export function routeName({ path, method }: RelayRequest, assets: ReadonlyMap<string, Asset>): string {
  const match = routes.find((route) => route.path.test(path));
  if (match !== undefined) return match.name;
  const isPage = path === '/' || assets.has(path);
  return isPage && (method === 'GET' || method === 'HEAD') ? 'page' : 'none';
}
