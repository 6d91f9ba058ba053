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

/** What is to be done for an answer that does not come, or breaks off. */
export interface AttemptOptions {
  timeouts?: Partial<Timeouts> | undefined;
  /** Further attempts before any content has come. */
  retry?: Partial<RetryOptions> | undefined;
  /** Whether an answer that breaks off in its middle is gone on with; it costs further input tokens. Default no. */
  recover?: boolean | Partial<RecoverOptions> | undefined;
  /** Models to turn to, in order, when an answer keeps failing; the word `non-streaming` among them, or alone, asks
   * for the answer whole. Default nothing. */
  fallback?: Fallback | undefined;
}

/** Options that a client has for all its calls, and a call for itself. */
export interface CallOptions extends AttemptOptions {
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

const defaults: CallSettings = {
  timeouts: resolveTimeouts(),
  retry: resolveRetry(),
  recover: undefined,
  fallback: [],
  clock: systemClock,
  random: Math.random,
};

/** What the options say, over `base`. Throws a RangeError for a value out of range. */
export function resolveSettings(
  options: AttemptOptions & { clock?: Clock | undefined; random?: (() => number) | undefined },
  base: CallSettings = defaults,
): CallSettings {
  const { timeouts, retry, recover, fallback = base.fallback, clock, random } = options;
  return {
    timeouts: resolveTimeouts(timeouts, base.timeouts),
    retry: resolveRetry(retry, base.retry),
    recover: recover === undefined ? base.recover : resolveRecover(recover),
    fallback: typeof fallback === 'string' ? [fallback] : fallback,
    clock: clock ?? base.clock,
    random: random ?? base.random,
  };
}
