// What an owner hears at one of their limits: before a stream as a response, in the middle of one as its ending.

import { errorResponse } from '../http.ts';
import type { RelayResponse } from '../http.ts';

type LimitName = 'requests' | 'queue' | 'turn' | 'quota';

interface Limit {
  readonly code: string;
  readonly message: string;
  /** Worth another try after a moment; otherwise a client must not wait for it. */
  readonly isPassing: boolean;
}

const limits: Readonly<Record<LimitName, Limit>> = {
  requests: {
    code: 'too_many_requests',
    message: 'This key has made as many requests as it may in a minute',
    isPassing: true,
  },
  queue: {
    code: 'too_many_waiting',
    message: 'As many requests of this key wait for their turn as may',
    isPassing: true,
  },
  turn: {
    code: 'queue_timeout',
    message: 'The answers under way for this key did not end in time for this one to begin',
    isPassing: true,
  },
  quota: {
    code: 'quota_exceeded',
    message: 'This key has used what it may in a day',
    isPassing: false,
  },
};

export class OwnerLimitError extends Error {
  override readonly name = 'OwnerLimitError';
  readonly code: string;
  readonly #isPassing: boolean;
  readonly #retryAfterMs: number;

  constructor(limit: LimitName, retryAfterMs: number) {
    const { code, message, isPassing } = limits[limit];
    super(message);
    this.code = code;
    this.#isPassing = isPassing;
    this.#retryAfterMs = retryAfterMs;
  }

  get response(): RelayResponse {
    const response = errorResponse(429, 'rate_limit_error', this.message, { code: this.code });
    const retryAfter = String(Math.max(1, Math.ceil(this.#retryAfterMs / 1000)));
    const advice: Record<string, string> = this.#isPassing ? {} : { 'x-should-retry': 'false' };
    return { ...response, headers: { ...response.headers, ...advice, 'retry-after': retryAfter } };
  }
}
