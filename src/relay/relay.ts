// The relay: requests in, responses out. Knows neither sockets nor files; src/relay/node.ts gives it both.

import { ContinuationModes, resolveSettings, RetryBudget } from '../client/engine.ts';
import { ConnectionError } from '../client/index.ts';
import type { CallOptions, Clock } from '../client/index.ts';
import type { StreamLog } from '../storage/index.ts';
import { Access } from './access/access.ts';
import type { AccessOptions } from './access/access-options.ts';
import { localCaller } from './access/caller.ts';
import { OwnerLimitError } from './access/owner-limit-error.ts';
import type { OwnerAccounts, OwnerUsage } from './access/owner-accounts.ts';
import { checkUpstream } from './access/check-upstream.ts';
import { preflightResponse, withCrossOrigin } from './access/cross-origin.ts';
import { failureOf } from './failure.ts';
import { guardRefusal } from './guard.ts';
import { BodyTooLargeError, closingResponse, errorResponse, securityHeaders } from './http.ts';
import type { RelayRequest, RelayResponse } from './http.ts';
import { defaultLimits, limitResponse } from './limits.ts';
import type { RelayLimits } from './limits.ts';
import { loggedResponse, streamLine } from './log-line.ts';
import type { LogLine } from './log-line.ts';
import { ClosingError, RequestError } from './request-error.ts';
import { isStoreFull } from './storage-error.ts';
import type { Asset, RelaySettings, RouteContext } from './route-context.ts';
import { checkContentType } from './page-request.ts';
import { postChatStream } from './routes/chat.ts';
import { getModels, postCountTokens, postMessages } from './routes/messages.ts';
import { getAsset, getHealth, getReadiness, getSettings } from './routes/page.ts';
import { deleteSession, postSession } from './routes/session.ts';
import { deleteStream, getStream, postStop, postStreams } from './routes/streams.ts';
import type { CallPolicy } from './stream-call.ts';
import { Streams } from './streams.ts';
import { Upstream } from './upstream.ts';
import type { UpstreamOptions } from './upstream.ts';

export interface RelayOptions {
  readonly upstream: UpstreamOptions;
  /** Where streams are kept. Closing it stays with the caller. */
  readonly log: StreamLog;
  readonly settings: RelaySettings;
  /** Who may ask, from where and for what. Without keys it is whoever is on this machine. */
  readonly access?: AccessOptions;
  readonly assets?: ReadonlyMap<string, Asset>;
  readonly limits?: Partial<RelayLimits>;
  /** The longest silence on a reader's connection, in milliseconds; default 15,000. */
  readonly pingMs?: number;
  /** Limits of time, retries and recovery of calls to upstream, as the client's. `recover` is on by default. */
  readonly calls?: Omit<CallOptions, 'fallback'>;
  /** Where the time of those calls comes from; default the system. */
  readonly clock?: Clock;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Told of every response that has gone out, and of every ending of a stream. */
  readonly onLog?: (line: LogLine) => void;
  /** Told of errors that are the relay's own fault; the client gets a 500 that does not say more. */
  readonly onError?: (error: unknown) => void;
}

export interface Relay {
  /** Whoever asks needs a key: such a relay may be reached from elsewhere. */
  readonly hasKeys: boolean;
  /** Takes other keys, limits and rules from now on. Throws an AccessOptionError, and changes nothing then. */
  reload(access: AccessOptions): void;
  /** What each owner has under way, has waiting and has taken today; who has nothing of it may be left out. */
  usage(): readonly OwnerUsage[];
  /** Answers one request. Never rejects. */
  handle(request: RelayRequest): Promise<RelayResponse>;
  /** Goes on with what a process before left open in the log, and later with what nobody produces, or ends it, so
   * that every reader gets an ending; until it is closed. Never rejects. */
  start(): Promise<void>;
  /** Begins nothing more: what would is asked to come again, 503, and so is who asks whether it is ready. Resolves
   * when what runs has come to its end, or when `limitMs` have passed. */
  drain(limitMs: number): Promise<void>;
  /** Stops what is being produced, and resolves when every log has its end, for every reader to get. Requests
   * that come now, and those that wait for upstream, are asked to come again: 503. */
  close(): Promise<void>;
}

type Handler = (request: RelayRequest, context: RouteContext, id: string) => Promise<RelayResponse>;

interface Route {
  /** For the log. */
  readonly name: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: RegExp;
  readonly handle: Handler;
  /** It is refused while the relay drains. */
  readonly beginsWork?: true;
  /** It is answered to who has no key. */
  readonly isOpen?: true;
}

/** A path that matches none of these is a file of the page, or not there. What a path below `/v1` may hold goes
 * upstream as it is: nothing there may have a second meaning. */
const routes: readonly Route[] = [
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
  { method: 'POST', name: '/session', path: /^\/session$/, handle: postSession, isOpen: true },
  { method: 'DELETE', name: '/session', path: /^\/session$/, handle: deleteSession, isOpen: true },
  { method: 'GET', name: '/relay.json', path: /^\/relay\.json$/, handle: getSettings },
  { method: 'GET', name: '/healthz', path: /^\/healthz$/, handle: getHealth, isOpen: true },
  { method: 'GET', name: '/readyz', path: /^\/readyz$/, handle: getReadiness, isOpen: true },
];

/**
 * Makes a relay; it starts nothing by itself.
 *
 * Without keys it serves this machine alone: see guard.ts. Its streams have the owner that a request names, else the id
 * of its key, or `local`. Throws an AccessOptionError for options of access that are wrong or not safe.
 */
export function createRelay(options: RelayOptions): Relay {
  const { settings, assets = new Map<string, Asset>(), pingMs = 15_000, now = Date.now } = options;
  const { onError = () => undefined } = options;
  const onLog = options.onLog && harmless(options.onLog, onError);
  const limits = { ...defaultLimits, ...options.limits };
  const access = new Access(options.access ?? {}, now);
  checkUpstream(access.rules, options.upstream);
  const upstream = new Upstream(options.upstream);
  const streams = createStreams(options, {
    upstream,
    limits,
    accounts: access.accounts,
    now,
    onLog,
    onError,
    pingMs,
  });
  const draining = new AbortController();
  const closing = new AbortController();
  const context: RouteContext = {
    streams,
    upstream,
    settings,
    limits,
    assets,
    caller: localCaller,
    access,
    isPage: true,
    pingMs,
    draining: draining.signal,
    closing: closing.signal,
  };
  /** Requests whose response is not there yet. */
  const handling = new Set<Promise<RelayResponse>>();
  const handle = createHandler(context, { onError, onLog, now });
  return {
    get hasKeys() {
      return access.hasKeys;
    },
    reload: (changed) => access.reload(changed),
    usage: () => access.accounts.usage(),
    handle: async (request) => {
      const handled = handle(request);
      handling.add(handled);
      return handled.finally(() => handling.delete(handled));
    },
    start: () => streams.takeCare(),
    drain: (limitMs) => {
      draining.abort();
      return within(
        limitMs,
        Promise.all(handling).then(() => streams.drain()),
      );
    },
    close: () => {
      draining.abort();
      closing.abort(new ClosingError());
      return streams.close();
    },
  };
}

interface StreamsContext extends HandlerOptions {
  readonly upstream: Upstream;
  readonly limits: RelayLimits;
  readonly accounts: OwnerAccounts;
  readonly pingMs: number;
}

function createStreams(
  { log, calls = {}, clock }: RelayOptions,
  { upstream, onLog, ...context }: StreamsContext,
): Streams {
  const onEnded = async (id: string): Promise<void> => {
    const state = await log.state(id);
    const line = state && streamLine(state, context.now());
    if (line !== undefined) onLog?.(line);
  };
  return new Streams({
    ...context,
    log,
    onEnded: onLog && onEnded,
    policy: policyOf(calls, clock),
    takeoverPoster: upstream.takeoverPoster.bind(upstream),
  });
}

/** What fails to be told fails no answer. */
function harmless(
  onLog: (line: LogLine) => void,
  onError: (error: unknown) => void,
): (line: LogLine) => void {
  return (line) => {
    try {
      onLog(line);
    } catch (error) {
      onError(error);
    }
  };
}

interface HandlerOptions {
  readonly onError: (error: unknown) => void;
  readonly onLog: ((line: LogLine) => void) | undefined;
  readonly now: () => number;
}

function createHandler(
  context: RouteContext,
  { onError, onLog, now }: HandlerOptions,
): (request: RelayRequest) => Promise<RelayResponse> {
  const respond = async (request: RelayRequest): Promise<RelayResponse> => {
    const { rules } = context.access;
    try {
      const response =
        guardRefusal(request, rules) ?? preflightResponse(request, rules) ?? (await route(request, context));
      const headers = { ...securityHeaders, ...response.headers };
      return withCrossOrigin({ ...response, headers }, request, rules);
    } catch (error) {
      return withCrossOrigin(responseTo(error, request, onError), request, rules);
    }
  };
  if (onLog === undefined) return respond;
  return async (request) => {
    const startedAt = now();
    const name = routeName(request, context.assets);
    return loggedResponse(
      request,
      { response: await respond(request), route: name, startedAt },
      { onLog, now },
    );
  };
}

function policyOf(calls: Omit<CallOptions, 'fallback'>, clock: Clock | undefined): CallPolicy {
  return {
    settings: resolveSettings({ ...calls, recover: calls.recover ?? true, clock }),
    budget: new RetryBudget(),
    modes: new ContinuationModes(),
  };
}

async function route(request: RelayRequest, context: RouteContext): Promise<RelayResponse> {
  // A server sends the head alone of what a HEAD gets.
  const asked = request.method === 'HEAD' ? 'GET' : request.method;
  const here = routes.filter(({ path }) => path.test(request.path));
  const match = here.find(({ method }) => method === asked);
  if (match?.beginsWork && context.draining.aborted) return closingResponse();
  if (match !== undefined) return handleMatch(match, request, context);
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

async function handleMatch(
  match: Route,
  request: RelayRequest,
  context: RouteContext,
): Promise<RelayResponse> {
  checkContentType(request);
  const id = match.path.exec(request.path)?.[1] ?? '';
  if (match.isOpen) return match.handle(request, context, id);
  const admission = await context.access.admit(request);
  if (admission.type === 'refused') return admission.response;
  const { caller } = admission;
  if (match.beginsWork) context.access.accounts.of(caller.owner).countRequest();
  const isPage = !request.path.startsWith('/v1/');
  return match.handle(request, { ...context, caller, isPage }, id);
}

/** Never the path: what stands there may be anything. */
function routeName({ path, method }: RelayRequest, assets: ReadonlyMap<string, Asset>): string {
  const match = routes.find((route) => route.path.test(path));
  if (match !== undefined) return match.name;
  const isPage = path === '/' || assets.has(path);
  return isPage && (method === 'GET' || method === 'HEAD') ? 'page' : 'none';
}

/** The longest time a timer knows. */
const longestMs = 2 ** 31 - 1;

/** Resolves with the work, or when it has taken too long. */
async function within(limitMs: number, work: Promise<void>): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, Math.min(limitMs, longestMs));
  await Promise.race([work, late]);
  clearTimeout(timer);
}

function responseTo(
  error: unknown,
  { signal }: RelayRequest,
  onError: (error: unknown) => void,
): RelayResponse {
  if (error instanceof BodyTooLargeError) {
    return errorResponse(413, 'request_too_large', 'Request exceeds the maximum size');
  }
  if (error instanceof RequestError) return errorResponse(error.status, error.code, error.message);
  if (error instanceof OwnerLimitError) return error.response;
  if (error instanceof ClosingError) return closingResponse();
  // Nobody is there to read it.
  if (signal.aborted) return errorResponse(499, 'api_error', 'The client has gone');
  onError(error);
  if (isStoreFull(error)) return limitResponse('disk');
  const status = error instanceof ConnectionError ? 502 : 500;
  return errorResponse(status, 'api_error', failureOf(error).message);
}
