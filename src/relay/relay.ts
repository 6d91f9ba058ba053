// The relay: requests in, responses out. Knows neither sockets nor files; src/relay/node.ts gives it both.

import { ContinuationModes, resolveSettings, RetryBudget, withOwnNames } from '../client/engine.ts';
import type { CallOptions, Clock } from '../client/index.ts';
import { MemoryConversations } from '../storage/index.ts';
import type { ConversationStore, QuotaStore, StreamLog } from '../storage/index.ts';
import { Conversations } from './conversations/conversations.ts';
import { Access } from './access/access.ts';
import type { AccessOptions } from './access/access-options.ts';
import { accessRules } from './access/access-rules.ts';
import { costOf } from './access/amount.ts';
import { localCaller } from './access/caller.ts';
import type { OwnerUsage } from './access/owner-accounts.ts';
import { checkUpstream } from './access/check-surroundings.ts';
import type { RelayRequest, RelayResponse } from './http.ts';
import { defaultLimits } from './limits.ts';
import type { RelayLimits } from './limits.ts';
import { breakLine, harmless, requestTeller, streamLine } from './log-line.ts';
import type { LogLine } from './log-line.ts';
import { ClosingError } from './request-error.ts';
import type { Asset, MetricsPage, RelaySettings, RouteContext } from './route-context.ts';
import type { CallPolicy } from './stream-call.ts';
import { Streams } from './streams.ts';
import { combineTelemetry } from './telemetry/combine-telemetry.ts';
import { createReplyWatch } from './telemetry/reply-watch.ts';
import type { CostOf } from './telemetry/stream-watch.ts';
import type { RelayTelemetry } from './telemetry/telemetry.ts';
import { within } from './timers.ts';
import { Upstream } from './upstream.ts';
import type { UpstreamOptions } from './upstream.ts';
import { counted, createHandler } from './handle-request.ts';
import type { HandlerOptions } from './handle-request.ts';

export interface RelayOptions {
  readonly upstream: UpstreamOptions;
  /** Where streams are kept. Closing it stays with the caller. */
  readonly log: StreamLog;
  /** Where conversations are kept; default this process's memory. */
  readonly conversations?: ConversationStore;
  /** Where it is kept what owners have taken of a day; default this process's memory. */
  readonly quotas?: QuotaStore;
  readonly settings: RelaySettings;
  /** Who may ask, from where and for what. Without keys it is whoever is on this machine. */
  readonly access?: AccessOptions;
  readonly assets?: ReadonlyMap<string, Asset>;
  readonly limits?: Partial<RelayLimits>;
  /** The longest silence on a reader's connection, in milliseconds; default 14,000, so that what
   * is a second late on the way is no more than 15 s after the last. */
  readonly pingMs?: number;
  /** Limits of time, retries, recovery and fallbacks of calls to upstream, as the client's. `recover` is on by default.
   * On `/v1/messages` fallbacks are turned to only where a client asks for it, and a key that has models of its own
   * leads to no others. */
  readonly calls?: CallOptions;
  /** Where the time of those calls comes from; default the system. */
  readonly clock?: Clock;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Who wants to know how it does: figures, traces. */
  readonly telemetry?: readonly RelayTelemetry[];
  /** What `GET /metrics` says; without it there is no such page. */
  readonly metricsPage?: () => Promise<MetricsPage>;
  /** Told of every response that has gone out, of every ending of a stream, and of calls that broke unseen. */
  readonly onLog?: (line: LogLine) => void;
  /** Told of errors that are the relay's own fault, where the client gets a 500 that does not say more, and of upstream
   * not being reached or breaking off where a reader gets to see it. */
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
  /** Makes other limits count from now on; those left out stay as they are. */
  setLimits(limits: Partial<RelayLimits>): void;
  /** Begins nothing more: what would is asked to come again, 503, and so is who asks whether it is ready. Resolves
   * when what runs has come to its end, or when `limitMs` have passed. */
  drain(limitMs: number): Promise<void>;
  /** Stops what is being produced, and resolves when every log has its end, for every reader to get. Requests
   * that come now, and those that wait for upstream, are asked to come again: 503.
   *
   * With `handOver` what another process may go on with is left to it, without an end and free to be taken at once;
   * readers are told to come back. That needs a store that outlives the process, recovery, and a key of the relay's
   * own. */
  close(options?: { readonly handOver?: boolean }): Promise<void>;
}

/**
 * Makes a relay; it starts nothing by itself.
 *
 * Without keys it serves this machine alone: see guard.ts. Its streams have the owner that a request names, else the id
 * of its key, or `local`. Throws an AccessOptionError for options of access that are wrong or not safe.
 */
export function createRelay(options: RelayOptions): Relay {
  const { settings, assets = new Map<string, Asset>(), pingMs = 14_000, now = Date.now } = options;
  const { onError = () => undefined } = options;
  const onLog = options.onLog && harmless(options.onLog, onError);
  // Everybody looks here, each time: what is changed counts at once.
  const limits = { ...defaultLimits, ...options.limits };
  const access = new Access(options.access ?? {}, { now, quotas: options.quotas, onError });
  checkUpstream(access.rules, options.upstream);
  const { conversations: store = new MemoryConversations(), log } = options;
  const conversations = new Conversations({ store, log, now, onError });
  const upstream = new Upstream(options.upstream, { forwardsKeys: !access.hasKeys });
  const telemetry = combineTelemetry(options.telemetry ?? [], onError);
  const told = { now, onLog, onError, telemetry };
  const policy = policyOf(options.calls ?? {}, options.clock);
  const streams = createStreams(options.log, {
    ...told,
    conversations,
    access,
    upstream,
    limits,
    pingMs,
    policy,
  });
  const draining = new AbortController();
  const closing = new AbortController();
  const context: RouteContext = {
    streams,
    conversations,
    upstream,
    calls: policy.settings,
    settings,
    limits,
    assets,
    caller: localCaller,
    access,
    watchReply: createReplyWatch({ telemetry, now, costOf: costIn(access) }),
    isPage: true,
    pingMs,
    metricsPage: options.metricsPage,
    draining: draining.signal,
    closing: closing.signal,
  };
  const { handle, handling } = counted(
    createHandler(context, { now, onError, onRequest: requestTeller(onLog, telemetry) }),
  );
  return {
    get hasKeys() {
      return access.hasKeys;
    },
    reload: (changed) => reloadAccess(changed, { access, streams, upstream: options.upstream }),
    usage: () => access.accounts.usage(),
    handle,
    setLimits: (changed) => void Object.assign(limits, changed),
    ...lifeOf({ streams, conversations, access, handling, draining, closing, onError }),
  };
}

interface Life {
  readonly streams: Streams;
  readonly conversations: Conversations;
  readonly access: Access;
  readonly handling: ReadonlySet<Promise<RelayResponse>>;
  readonly draining: AbortController;
  readonly closing: AbortController;
  readonly onError: (error: unknown) => void;
}

function lifeOf({
  streams,
  conversations,
  access,
  handling,
  draining,
  closing,
  onError,
}: Life): Pick<Relay, 'start' | 'drain' | 'close'> {
  return {
    start: async () => {
      // What is gone on with counts as well.
      await access.accounts.ready()?.catch(onError);
      await streams.takeCare();
      await conversations.takeAllEnded();
    },
    drain: (limitMs) => {
      draining.abort();
      return within(
        limitMs,
        Promise.all(handling).then(() => streams.drain()),
      );
    },
    close: async ({ handOver = false } = {}) => {
      draining.abort();
      closing.abort(new ClosingError());
      await streams.close({ handOver });
      await access.accounts.close();
    },
  };
}

/** Throws an AccessOptionError, and changes nothing then. */
function reloadAccess(
  changed: AccessOptions,
  { access, streams, upstream }: { access: Access; streams: Streams; upstream: UpstreamOptions },
): void {
  checkUpstream(accessRules(changed), upstream);
  const { removed, demoted } = access.reload(changed);
  for (const owner of removed) streams.readers.remove(owner);
  for (const owner of demoted) streams.readers.demote(owner);
}

interface Told extends Omit<HandlerOptions, 'onRequest'> {
  readonly onLog: ((line: LogLine) => void) | undefined;
  readonly telemetry: Required<RelayTelemetry> | undefined;
}

interface EndTakerOptions extends Pick<Told, 'onLog' | 'now'> {
  readonly log: StreamLog;
  readonly conversations: Conversations;
}

type TakeEnd = (id: string, how: { isHandedOver: boolean }) => Promise<void>;

/** What is done with a stream that this relay works on no more. */
function createEndTaker({ log, conversations, onLog, now }: EndTakerOptions): TakeEnd {
  return async (id, { isHandedOver }) => {
    await conversations.takeEnded(id);
    if (onLog === undefined) return;
    const state = await log.state(id);
    const line = state && streamLine(state, { now: now(), isHandedOver });
    if (line !== undefined) onLog(line);
  };
}

interface StreamsContext extends Told {
  readonly conversations: Conversations;
  readonly upstream: Upstream;
  readonly limits: RelayLimits;
  readonly pingMs: number;
  readonly policy: CallPolicy;
  readonly access: Access;
}

function createStreams(
  log: StreamLog,
  { upstream, conversations, access, onLog, ...context }: StreamsContext,
): Streams {
  const { accounts } = access;
  const streams = new Streams({
    ...context,
    log,
    costOf: costIn(access),
    restore: conversations.restore.bind(conversations),
    onEnded: createEndTaker({ log, conversations, onLog, now: context.now }),
    onBreak: (id, mended) => onLog?.(breakLine(id, mended)),
    accounts,
    modelsOf: (owner) => access.rules.keys?.get(owner)?.models,
    takeoverPoster: upstream.takeoverPoster.bind(upstream),
  });
  context.telemetry?.watch({
    openStreams: () => streams.openCount,
    readers: () => streams.readers.all,
    waiting: () => accounts.usage().reduce((sum, { waiting }) => sum + waiting, 0),
    held: () => log.held(),
  });
  return streams;
}

/** At the prices that count now. */
function costIn(access: Access): CostOf {
  return (model, usage) => costOf(model, usage, access.rules.prices);
}

function policyOf(calls: CallOptions, clock: Clock | undefined): CallPolicy {
  return {
    settings: resolveSettings({ ...withOwnNames(calls), recover: calls.recover ?? true, clock }),
    budget: new RetryBudget(),
    modes: new ContinuationModes(),
  };
}
