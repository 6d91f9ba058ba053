// Which failures are worth another attempt, and after how long. Only before the first content has arrived: what
// comes after that is recovery (recovery.ts). Delays grow and are drawn from all of their range, so that clients
// that failed together do not come back together.

import { ApiError } from '../protocol/index.ts';
import { demandCount, demandNotNegative, overlay } from './demand.ts';
import { ConnectionError, ResponseError, TimeoutError, TruncatedError } from './errors.ts';

export interface RetryOptions {
  /** Attempts beyond the first. Default 2. */
  maxRetries: number;
  /** The most a delay may be, before what the server asks for. Default 20,000. */
  maxDelayMs: number;
  /** A server that asks for a longer wait than this is not waited for: the error says how long. Default 60,000. */
  maxRetryAfterMs: number;
  /** A 429 that does not say when to come back is a spending limit, which no retry lifts. Gateways that strip the
   * header need `true` here. Default false. */
  retryUnboundedRateLimit: boolean;
}

const defaults: RetryOptions = {
  maxRetries: 2,
  maxDelayMs: 20_000,
  maxRetryAfterMs: 60_000,
  retryUnboundedRateLimit: false,
};

const rules = { maxRetries: demandCount, maxDelayMs: demandNotNegative, maxRetryAfterMs: demandNotNegative };

/** Throws a RangeError for a value out of range. */
export function resolveRetry(own?: Partial<RetryOptions>, base: RetryOptions = defaults): RetryOptions {
  return overlay(base, own, { group: 'retry', rules });
}

/** What kind of failure one is: what its retry costs of the budget, and what its delays begin with. */
interface RetryClass {
  readonly cost: number;
  readonly baseMs: number;
  /** How often one call may be retried for it. */
  readonly most: number;
}

const transient: RetryClass = { cost: 14, baseMs: 500, most: Infinity };
const throttled: RetryClass = { cost: 5, baseMs: 1000, most: Infinity };
/** The lost attempt may be billed all the same: not more than once. */
const costly: RetryClass = { cost: 14, baseMs: 500, most: 1 };

/** What else a server fails with, from 500 on, is transient. */
const statuses: ReadonlyMap<number, RetryClass> = new Map([
  [408, transient],
  [409, transient],
  [429, throttled],
  [503, throttled],
  [529, throttled],
  [504, costly],
  [524, costly],
]);

/** A retry that the policy allows. */
export interface Retry {
  readonly delayMs: number;
  readonly cost: number;
}

/** Undefined when the failure is not to be retried; `retries` were made before, `random` is in [0, 1). */
export function retryAfter(
  error: unknown,
  options: RetryOptions,
  { retries, random }: { retries: number; random: () => number },
): Retry | undefined {
  const kind = classOf(error, options);
  if (kind === undefined || retries >= Math.min(options.maxRetries, kind.most)) return undefined;
  const asked = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
  if (asked > options.maxRetryAfterMs) return undefined;
  const drawn = random() * Math.min(options.maxDelayMs, kind.baseMs * 2 ** retries);
  return { delayMs: Math.max(asked, drawn), cost: kind.cost };
}

/** Whether the failure is one that another attempt, or another model, may not have. */
export function isPassing(error: unknown, options: RetryOptions): boolean {
  return classOf(error, options) !== undefined;
}

function classOf(error: unknown, options: RetryOptions): RetryClass | undefined {
  if (error instanceof ApiError) return classOfApiError(error, options);
  if (error instanceof TimeoutError) return classOfTimeout[error.code];
  if (error instanceof ConnectionError || error instanceof TruncatedError) return transient;
  // An answer that has nothing in it was cut before its beginning.
  if (error instanceof ResponseError && error.excerpt === '') return transient;
  return undefined;
}

/** A model that thinks for longer than `progressMs` would do so again, and `totalMs` is for all attempts. */
const classOfTimeout: { readonly [Code in TimeoutError['code']]?: RetryClass } = {
  connect_timeout: transient,
  headers_timeout: costly,
  idle_timeout: transient,
};

function classOfApiError(error: ApiError, options: RetryOptions): RetryClass | undefined {
  const { status = 0, shouldRetry, retryAfterMs } = error;
  if (shouldRetry === false) return undefined;
  const kind = statuses.get(status) ?? (status >= 500 || shouldRetry === true ? transient : undefined);
  // As often as anything may be.
  if (shouldRetry === true && kind !== undefined) return { ...kind, most: Infinity };
  const isUnbounded = status === 429 && retryAfterMs === undefined;
  return isUnbounded && !options.retryUnboundedRateLimit ? undefined : kind;
}
