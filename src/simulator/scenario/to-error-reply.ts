// An error of the API that a scenario has in place of an answer.

import type { ApiErrorType } from '../../protocol/index.ts';
import { errorBody } from '../api-errors.ts';
import { errorMessages, statusErrors } from '../faults/status-errors.ts';
import type { Reply } from '../reply.ts';
import { toFrameStep } from '../step.ts';
import type { ErrorReply } from './scenario.ts';

export function toErrorReply(error: ErrorReply, requestId: string): Reply {
  const { status, retryAfter, delayMs = 0 } = error;
  const known = statusErrors[status];
  const type: ApiErrorType =
    error.type ?? known?.type ?? (status < 500 ? 'invalid_request_error' : 'api_error');
  const message = error.message ?? errorMessages[type];
  const isRetryable = known?.isRetryable ?? status >= 500;
  // A 429 without a time to wait is one of money.
  const isWorthIt = isRetryable && (status !== 429 || retryAfter !== undefined);
  return {
    delayMs,
    status,
    headers: {
      'content-type': 'application/json',
      'x-should-retry': String(isWorthIt),
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    },
    isFromEdge: false,
    isStream: false,
    steps: [toFrameStep(JSON.stringify(errorBody({ type, message }, requestId)))],
  };
}
