// The rate-limit headers of the API. The figures follow what was used and add up as the API's do; nothing is ever
// refused because of them.

import type { Clock } from './clock.ts';

/** Per minute. What a large organization has, as recorded. */
const limits = { requests: 20_000, 'input-tokens': 40_000_000, 'output-tokens': 6_000_000 } as const;

type Resource = keyof typeof limits;

const minuteMs = 60_000;
/** Every token figure is a multiple of this. */
const granularity = 1000;

export class RateLimits {
  readonly #clock: Clock;
  /** What each resource lacks until it is full again; it fills up evenly over a minute. */
  readonly #missing: Record<Resource, number> = { requests: 0, 'input-tokens': 0, 'output-tokens': 0 };
  #refilledAtMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#refilledAtMs = clock.now();
  }

  spend(resource: Resource, amount: number): void {
    this.#refill();
    this.#missing[resource] = Math.min(this.#missing[resource] + amount, limits[resource]);
  }

  /** The twelve headers: for all tokens, limit and remaining are the sums, and reset is the later one. */
  headers(): Record<string, string> {
    this.#refill();
    const requests = this.#state('requests', 1);
    const input = this.#state('input-tokens', granularity);
    const output = this.#state('output-tokens', granularity);
    const tokens = {
      limit: input.limit + output.limit,
      remaining: input.remaining + output.remaining,
      resetMs: Math.max(input.resetMs, output.resetMs),
    };
    return {
      ...toHeaders('requests', requests),
      ...toHeaders('tokens', tokens),
      ...toHeaders('input-tokens', input),
      ...toHeaders('output-tokens', output),
    };
  }

  #refill(): void {
    const now = this.#clock.now();
    for (const resource of Object.keys(limits) as Resource[]) {
      const gained = ((now - this.#refilledAtMs) / minuteMs) * limits[resource];
      this.#missing[resource] = Math.max(this.#missing[resource] - gained, 0);
    }
    this.#refilledAtMs = now;
  }

  #state(resource: Resource, unit: number): LimitState {
    const limit = limits[resource];
    const missing = this.#missing[resource];
    return {
      limit,
      remaining: Math.floor((limit - missing) / unit) * unit,
      resetMs: this.#refilledAtMs + (missing / limit) * minuteMs,
    };
  }
}

interface LimitState {
  limit: number;
  remaining: number;
  resetMs: number;
}

function toHeaders(name: string, { limit, remaining, resetMs }: LimitState): Record<string, string> {
  return {
    [`anthropic-ratelimit-${name}-limit`]: String(limit),
    [`anthropic-ratelimit-${name}-remaining`]: String(remaining),
    // RFC 3339 in whole seconds.
    [`anthropic-ratelimit-${name}-reset`]: new Date(resetMs).toISOString().replace(/\.\d+Z$/, 'Z'),
  };
}
