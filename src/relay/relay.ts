// The relay: requests in, responses out. Knows neither sockets nor files; src/relay/node.ts gives it both.

import type { StreamLog } from '../storage/index.ts';
import { refusalOf } from './guard.ts';
import { BodyTooLargeError, errorResponse } from './http.ts';
import type { RelayRequest, RelayResponse } from './http.ts';
import { RequestError } from './request-error.ts';
import type { Asset, RelaySettings, RouteContext } from './route-context.ts';
import { postChatStream } from './routes/chat.ts';
import { getModels, postCountTokens, postMessages } from './routes/messages.ts';
import { getAsset, getHealth, getSettings } from './routes/page.ts';
import { getStream, postStop, postStreams } from './routes/streams.ts';
import { Streams } from './streams.ts';
import type { StartResult } from './streams.ts';
import { Upstream } from './upstream.ts';
import type { UpstreamOptions } from './upstream.ts';

export interface RelayOptions {
  readonly upstream: UpstreamOptions;
  /** Where streams are kept. Closing it stays with the caller. */
  readonly log: StreamLog;
  readonly settings: RelaySettings;
  readonly assets?: ReadonlyMap<string, Asset>;
  /** The longest silence on a reader's connection, in milliseconds; default 15,000. */
  readonly pingMs?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Told of errors that are the relay's own fault; the client gets a 500 that does not say more. */
  readonly onError?: (error: unknown) => void;
}

export interface Relay {
  /** Answers one request. Never rejects. */
  handle(request: RelayRequest): Promise<RelayResponse>;
  /** Stops what is being produced; every reader gets an ending. */
  close(): Promise<void>;
}

type Handler = (request: RelayRequest, context: RouteContext, id: string) => Promise<RelayResponse>;

/** A path that matches none of these is a file of the page, or not there. */
const routes: readonly { method: 'GET' | 'POST'; path: RegExp; handle: Handler }[] = [
  { method: 'POST', path: /^\/v1\/messages$/, handle: postMessages },
  { method: 'POST', path: /^\/v1\/messages\/count_tokens$/, handle: postCountTokens },
  { method: 'GET', path: /^\/v1\/models(?:\/[^/]+)?$/, handle: getModels },
  { method: 'POST', path: /^\/streams$/, handle: postStreams },
  { method: 'GET', path: /^\/streams\/([^/]+)$/, handle: getStream },
  { method: 'POST', path: /^\/streams\/([^/]+)\/stop$/, handle: postStop },
  { method: 'POST', path: /^\/chat\/stream$/, handle: postChatStream },
  { method: 'GET', path: /^\/relay\.json$/, handle: getSettings },
  { method: 'GET', path: /^\/healthz$/, handle: getHealth },
];

/**
 * Makes a relay; it starts nothing by itself.
 *
 * Without keys it serves this machine alone: see guard.ts. All its streams have the owner `local`.
 */
export function createRelay(options: RelayOptions): Relay {
  const { log, settings, assets = new Map<string, Asset>(), pingMs = 15_000, now = Date.now } = options;
  const streams = new Streams({ log, pingMs, now });
  const upstream = new Upstream(options.upstream);
  const context: RouteContext = {
    streams,
    upstream,
    settings,
    assets,
    owner: 'local',
    refusalOf: startRefusal,
  };
  return {
    handle: async (request) => {
      try {
        return refusalOf(request) ?? (await route(request, context));
      } catch (error) {
        return responseTo(error, request, options.onError);
      }
    },
    close: () => streams.close(),
  };
}

async function route(request: RelayRequest, context: RouteContext): Promise<RelayResponse> {
  // A server sends the head alone of what a HEAD gets.
  const asked = request.method === 'HEAD' ? 'GET' : request.method;
  const here = routes.filter(({ path }) => path.test(request.path));
  const match = here.find(({ method }) => method === asked);
  if (match !== undefined) return match.handle(request, context, match.path.exec(request.path)?.[1] ?? '');
  if (here.length > 0) {
    const response = errorResponse(405, 'invalid_request_error', 'Method Not Allowed');
    return {
      ...response,
      headers: { ...response.headers, allow: here.map(({ method }) => method).join(', ') },
    };
  }
  const isPage = asked === 'GET' && !request.path.startsWith('/v1/');
  return isPage ? getAsset(request, context) : errorResponse(404, 'not_found_error', 'Not found');
}

function responseTo(
  error: unknown,
  { signal }: RelayRequest,
  onError: RelayOptions['onError'],
): RelayResponse {
  if (error instanceof BodyTooLargeError) {
    return errorResponse(413, 'request_too_large', 'Request exceeds the maximum size');
  }
  if (error instanceof RequestError) return errorResponse(error.status, error.code, error.message);
  // Nobody is there to read it.
  if (signal.aborted) return errorResponse(499, 'api_error', 'The client has gone');
  onError?.(error);
  const isUpstream = error instanceof Error && 'code' in error && error.code === 'connection_failed';
  if (isUpstream) return errorResponse(502, 'api_error', `The upstream call failed: ${error.message}`);
  return errorResponse(500, 'api_error', 'Internal server error');
}

const startRefusals = {
  full: () => errorResponse(529, 'overloaded_error', 'The relay holds as many streams as it may'),
  conflict: () =>
    errorResponse(409, 'conflict_error', 'Idempotency-Key: was used for another request; use a new key'),
  exists: () => errorResponse(500, 'api_error', 'Internal server error'),
} satisfies Record<Exclude<StartResult['type'], 'started'>, () => RelayResponse>;

function startRefusal({ type }: Exclude<StartResult, { type: 'started' }>): RelayResponse {
  return startRefusals[type]();
}
