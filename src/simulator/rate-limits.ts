// The rate limits of the API: what was used, the headers that say so, and the refusal of what is too much.

import { ApiError } from '../protocol/index.ts';
import type { Clock } from './clock.ts';

/** Per minute. What a large organization has, as recorded. */
const generous = { requests: 20_000, 'input-tokens': 40_000_000, 'output-tokens': 6_000_000 } as const;

type Resource = keyof typeof generous;

const resources = Object.keys(generous) as readonly Resource[];

/** What may be used in a minute. What is left out is never refused. */
export type PerMinute = { readonly [Name in Resource]?: number | undefined };

const minuteMs = 60_000;
/**
 * Every token figure is the nearest multiple of this, so that a small request takes nothing that can be seen, as
 * recorded. Where a limit is no multiple, which no recorded one is, the figure is exact.
 */
const granularity = 1000;

/** What a bucket may lack for the errors of its arithmetic. */
const rounding = 1e-6;

/** How the message calls each. */
const names = {
  requests: 'requests',
  'input-tokens': 'input tokens',
  'output-tokens': 'output tokens',
} satisfies Record<Resource, string>;

export class RateLimits {
  readonly #clock: Clock;
  readonly #limits: Readonly<Record<Resource, number>>;
  /** The resources of which too much is refused. */
  readonly #enforced: readonly Resource[];
  /** What each resource lacks until it is full again; it fills up evenly over a minute. */
  readonly #missing: Record<Resource, number> = { requests: 0, 'input-tokens': 0, 'output-tokens': 0 };
  #refilledAtMs: number;

  constructor(clock: Clock, perMinute: PerMinute = {}) {
    this.#clock = clock;
    this.#enforced = resources.filter((resource) => perMinute[resource] !== undefined);
    this.#limits = {
      requests: perMinute.requests ?? generous.requests,
      'input-tokens': perMinute['input-tokens'] ?? generous['input-tokens'],
      'output-tokens': perMinute['output-tokens'] ?? generous['output-tokens'],
    };
    this.#refilledAtMs = clock.now();
  }

  /**
   * Takes what a request costs before it is answered. Throws the API's 429, and takes nothing, while the bucket
   * does not hold it; a request larger than the bucket costs all of it. Of output tokens one must be left.
   */
  admit(inputTokens: number, context: { model: string; organizationId: string }): void {
    this.#refill();
    const costs: Record<Resource, number> = { requests: 1, 'input-tokens': inputTokens, 'output-tokens': 1 };
    const waits = this.#enforced
      .map((resource) => ({ resource, waitMs: this.#waitMs(resource, costs[resource]) }))
      .sort((a, b) => b.waitMs - a.waitMs);
    const [longest] = waits;
    if (longest !== undefined && longest.waitMs > 0) throw this.#refusal(longest, context);
    this.spend('requests', 1);
    this.spend('input-tokens', inputTokens);
  }

  spend(resource: Resource, amount: number): void {
    this.#refill();
    this.#missing[resource] = Math.min(this.#missing[resource] + amount, this.#limits[resource]);
  }

  /** The twelve headers: for all tokens, limit and remaining are the sums, and reset is the later one. */
  headers(): Record<string, string> {
    this.#refill();
    const requests = this.#state('requests');
    const input = this.#state('input-tokens');
    const output = this.#state('output-tokens');
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
    for (const resource of resources) {
      const gained = ((now - this.#refilledAtMs) / minuteMs) * this.#limits[resource];
      this.#missing[resource] = Math.max(this.#missing[resource] - gained, 0);
    }
    this.#refilledAtMs = now;
  }

  /** How long until the bucket holds so much. */
  #waitMs(resource: Resource, cost: number): number {
    const limit = this.#limits[resource];
    const lacking = Math.min(cost, limit) - (limit - this.#missing[resource]);
    return lacking < rounding ? 0 : (lacking / limit) * minuteMs;
  }

  #refusal(
    { resource, waitMs }: { resource: Resource; waitMs: number },
    { model, organizationId }: { model: string; organizationId: string },
  ): ApiError {
    const limit = `${this.#limits[resource].toLocaleString('en-US')} ${names[resource]} per minute`;
    const message =
      `This request would exceed your organization's rate limit of ${limit} (org: ${organizationId}, ` +
      `model: ${model}). For details, refer to: https://docs.claude.com/en/api/rate-limits. You can see the ` +
      'response headers for current usage. Please reduce the prompt length or the maximum tokens requested, or ' +
      'try again later. You may also contact sales at https://www.anthropic.com/contact-sales to discuss your ' +
      'options for a rate limit increase.';
    return new ApiError({ type: 'rate_limit_error', message }, { retryAfterMs: Math.ceil(waitMs) });
  }

  #state(resource: Resource): LimitState {
    const limit = this.#limits[resource];
    const missing = this.#missing[resource];
    const isExact = resource === 'requests' || limit % granularity !== 0;
    const left = limit - missing;
    return {
      limit,
      remaining: isExact ? Math.floor(left + rounding) : Math.round(left / granularity) * granularity,
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
