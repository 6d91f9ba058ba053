// What an owner hears at one of their limits: before a stream as a response, in the middle of one as its ending.

import { errorResponse } from '../http.ts';
import type { RelayResponse } from '../http.ts';

type LimitName = 'requests' | 'queue' | 'turn' | 'quota' | 'removed' | 'ended';

interface Limit {
  readonly code: string;
  readonly status: number;
  /** The API's type for it. */
  readonly type: string;
  readonly message: string;
  /** Worth another try after a moment; otherwise a client must not wait for it. */
  readonly isPassing: boolean;
}

const tooMuch = { status: 429, type: 'rate_limit_error' };

const limits: Readonly<Record<LimitName, Limit>> = {
  requests: {
    code: 'too_many_requests',
    ...tooMuch,
    message: 'This key has made as many requests as it may in a minute',
    isPassing: true,
  },
  queue: {
    code: 'too_many_waiting',
    ...tooMuch,
    message: 'As many requests of this key wait for their turn as may',
    isPassing: true,
  },
  turn: {
    code: 'queue_timeout',
    ...tooMuch,
    message: 'The answers under way for this key did not end in time for this one to begin',
    isPassing: true,
  },
  quota: {
    code: 'quota_exceeded',
    ...tooMuch,
    message: 'This key has used what it may in a day',
    isPassing: false,
  },
  removed: {
    code: 'key_removed',
    status: 401,
    type: 'authentication_error',
    message: 'This key is none of this relay any more',
    isPassing: false,
  },
  ended: {
    code: 'access_ended',
    status: 401,
    type: 'authentication_error',
    message: "The session was signed out, or the key is no operator's any more",
    isPassing: false,
  },
};

export class OwnerLimitError extends Error {
  override readonly name = 'OwnerLimitError';
  readonly code: string;
  readonly #limit: Limit;
  readonly #retryAfterMs: number | undefined;

  /** Without `retryAfterMs` there is no time at which it would be let through. */
  constructor(limit: LimitName, retryAfterMs?: number) {
    super(limits[limit].message);
    this.#limit = limits[limit];
    this.code = this.#limit.code;
    this.#retryAfterMs = retryAfterMs;
  }

  get response(): RelayResponse {
    const { status, type, isPassing } = this.#limit;
    const response = errorResponse(status, type, this.message, { code: this.code });
    const advice: Record<string, string> = isPassing ? {} : { 'x-should-retry': 'false' };
    if (this.#retryAfterMs !== undefined)
      advice['retry-after'] = String(Math.max(1, Math.ceil(this.#retryAfterMs / 1000)));
    return { ...response, headers: { ...response.headers, ...advice } };
  }
}
