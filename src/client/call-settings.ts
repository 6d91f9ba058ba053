// What holds for one call: the client's options with the call's own over them, all checked.

import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { resolveRecover } from './recovery.ts';
import type { RecoverOptions } from './recovery.ts';
import { resolveRetry } from './retry-policy.ts';
import type { RetryOptions } from './retry-policy.ts';
import { resolveTimeouts } from './timeouts.ts';
import type { Timeouts } from './timeouts.ts';

/** What to turn to when an answer keeps failing: models in order; `non-streaming` asks for the answer whole. */
export type Fallback = 'non-streaming' | readonly string[];

/** Options that a client has for all its calls, and a call for itself. */
export interface CallOptions {
  timeouts?: Partial<Timeouts> | undefined;
  /** Further attempts before any content has come. */
  retry?: Partial<RetryOptions> | undefined;
  /** Whether an answer that breaks off in its middle is gone on with; it costs further input tokens. Default no. */
  recover?: boolean | Partial<RecoverOptions> | undefined;
  /** Models to turn to, in order, when an answer keeps failing; the word `non-streaming` among them, or alone, asks
   * for the answer whole. Default nothing. */
  fallback?: Fallback | undefined;
  /** `retry.maxRetries` by the official SDK's name. */
  maxRetries?: number | undefined;
  /** `timeouts.headersMs` by the official SDK's name. */
  timeout?: number | undefined;
}

export interface CallSettings {
  readonly timeouts: Timeouts;
  readonly retry: RetryOptions;
  readonly recover: RecoverOptions | undefined;
  readonly fallback: readonly string[];
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Throws a RangeError for a value out of range. */
export function resolveSettings(
  options: CallOptions & { clock?: Clock | undefined; random?: (() => number) | undefined },
): CallSettings {
  return {
    timeouts: resolveTimeouts(timeoutsOf(options)),
    retry: resolveRetry(retryOf(options)),
    recover: resolveRecover(options.recover),
    fallback: stepsOf(options.fallback),
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  };
}

/** The client's settings with what a call says otherwise. */
export function withOptions(settings: CallSettings, options: CallOptions): CallSettings {
  return {
    ...settings,
    timeouts: resolveTimeouts(timeoutsOf(options), settings.timeouts),
    retry: resolveRetry(retryOf(options), settings.retry),
    recover: options.recover === undefined ? settings.recover : resolveRecover(options.recover),
    fallback: options.fallback === undefined ? settings.fallback : stepsOf(options.fallback),
  };
}

function timeoutsOf({ timeout, timeouts }: CallOptions): CallOptions['timeouts'] {
  return timeout === undefined ? timeouts : { headersMs: timeout, ...timeouts };
}

function retryOf({ maxRetries, retry }: CallOptions): CallOptions['retry'] {
  return maxRetries === undefined ? retry : { maxRetries, ...retry };
}

function stepsOf(fallback: Fallback | undefined): readonly string[] {
  return typeof fallback === 'string' ? [fallback] : (fallback ?? []);
}
