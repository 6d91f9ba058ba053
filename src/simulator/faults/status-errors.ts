// The API's errors by status, as they come instead of an answer. The texts are recorded where they could be.

import type { ApiErrorType } from '../../protocol/index.ts';

export interface StatusError {
  readonly type: ApiErrorType;
  /** What `x-should-retry` says. For 429 only with `retry-after`: without it the limit is one of money. */
  readonly isRetryable: boolean;
}

export const statusErrors: Readonly<Record<number, StatusError>> = {
  400: { type: 'invalid_request_error', isRetryable: false },
  401: { type: 'authentication_error', isRetryable: false },
  402: { type: 'billing_error', isRetryable: false },
  403: { type: 'permission_error', isRetryable: false },
  404: { type: 'not_found_error', isRetryable: false },
  408: { type: 'timeout_error', isRetryable: true },
  409: { type: 'conflict_error', isRetryable: true },
  413: { type: 'request_too_large', isRetryable: false },
  429: { type: 'rate_limit_error', isRetryable: true },
  500: { type: 'api_error', isRetryable: true },
  502: { type: 'api_error', isRetryable: true },
  503: { type: 'overloaded_error', isRetryable: true },
  504: { type: 'timeout_error', isRetryable: true },
  529: { type: 'overloaded_error', isRetryable: true },
};

/** What each error says when it is not about anything in the request. */
export const errorMessages: Readonly<Record<ApiErrorType, string>> = {
  invalid_request_error: 'Invalid request',
  authentication_error: 'invalid x-api-key',
  billing_error: 'Your credit balance is too low to access the API.',
  permission_error: 'Your API key does not have permission to use the specified resource.',
  not_found_error: 'Not found',
  timeout_error: 'Request timed out',
  conflict_error: 'Conflict',
  request_too_large: 'Request exceeds the maximum size',
  rate_limit_error: "This request would exceed your account's rate limit. Please try again later.",
  api_error: 'Internal server error',
  overloaded_error: 'Overloaded',
};
