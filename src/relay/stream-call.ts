// How the answer of a stream is asked for, first and again.

import type { TransportResponse } from '../client/index.ts';
import type { CallSettings, ContinuationModes, RetryBudget } from '../client/engine.ts';

/** One POST of a Messages body to upstream, in the client's name. */
export type PostMessages = (
  body: string,
  options: {
    readonly signal: AbortSignal;
    readonly connectMs: number;
    /** True for every request after the first. */
    readonly isFurther: boolean;
  },
) => Promise<TransportResponse>;

export interface StreamCall {
  /** The body of the first request. */
  readonly request: string;
  readonly post: PostMessages;
  /** Whether a call that fails before any content is made again. */
  readonly retries: boolean;
  /** Whether the relay's fallbacks are turned to. Default: as `retries`. */
  readonly fallsBack?: boolean | undefined;
  /** Whether who asks is shown what upstream says in place of an answer where that is no error of the API's, such as a
   * gateway's page. Default true. */
  readonly quotesUpstream?: boolean | undefined;
  /** Whether an answer that breaks off is gone on with. */
  readonly recovers: boolean;
  /** Whether its readers can be told that blocks they have seen are withdrawn. */
  readonly canRewind: boolean;
  /** Whether a tool's call is shown only when it is whole, so that one that breaks off can be made anew. */
  readonly holdsTools?: boolean | undefined;
}

/** How an answer is asked for on behalf of pages: they see how it goes on, and can take back what they were shown. */
export function pageCall(request: string, post: PostMessages): StreamCall {
  return { request, post, retries: true, recovers: true, canRewind: true, quotesUpstream: false };
}

/** What the calls of all streams share. */
export interface CallPolicy {
  readonly settings: CallSettings;
  readonly budget: RetryBudget;
  readonly modes: ContinuationModes;
}
