// What every route works with.

import type { CallSettings } from '../client/engine.ts';
import type { Access } from './access/access.ts';
import type { Caller } from './access/caller.ts';
import type { Conversations } from './conversations/conversations.ts';
import type { RelayLimits } from './limits.ts';
import type { Streams } from './streams.ts';
import type { WatchReply } from './telemetry/reply-watch.ts';
import type { Upstream } from './upstream.ts';

/** A file of the page. */
export interface Asset {
  readonly contentType: string;
  readonly body: Uint8Array;
}

export interface RelaySettings {
  /** Answers come from the built-in simulator; the page says so. */
  readonly simulated: boolean;
  readonly version: string;
  /** What a page's request asks for when it does not say. */
  readonly model: string;
  readonly maxTokens: number;
}

/** What `/metrics` says. */
export interface MetricsPage {
  readonly contentType: string;
  readonly text: string;
}

export interface RouteContext {
  readonly streams: Streams;
  readonly conversations: Conversations;
  readonly upstream: Upstream;
  /** Limits of time of calls to upstream. */
  readonly calls: Pick<CallSettings, 'clock' | 'timeouts'>;
  readonly settings: RelaySettings;
  readonly limits: RelayLimits;
  /** Files of the page by path, such as `/index.html`; empty for a relay without a page. */
  readonly assets: ReadonlyMap<string, Asset>;
  /** Who asks. */
  readonly caller: Caller;
  readonly access: Access;
  /** Counts answers in one piece. */
  readonly watchReply: WatchReply;
  /** The route is one for pages: their requests are looked into, those of programs go up as they are. */
  readonly isPage: boolean;
  /** Undefined for a relay that keeps no figures. */
  readonly metricsPage: (() => Promise<MetricsPage>) | undefined;
  /** The longest silence on a reader's connection, in milliseconds. */
  readonly pingMs: number;
  /** Aborts when the relay begins nothing more. */
  readonly draining: AbortSignal;
  /** Aborts when the relay closes, with a ClosingError as its reason. */
  readonly closing: AbortSignal;
}
