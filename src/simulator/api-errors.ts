// The errors the Messages API answers with, with its own texts. They are thrown as ApiError and turned into an
// answer in one place.

import { ApiError } from '../protocol/index.ts';
import type { ApiErrorType, ErrorBody } from '../protocol/index.ts';
import type { JsonObject } from './json-object.ts';

export function apiError(type: ApiErrorType, message: string, status?: number): ApiError {
  return new ApiError({ type, message }, status === undefined ? {} : { status });
}

export function invalidRequest(message: string): ApiError {
  return apiError('invalid_request_error', message);
}

/** The API's edge answers this one before the API sees the request: no outer `type`, no `request_id`. */
export const tooLarge: ApiErrorType = 'request_too_large';

export function errorBody(error: Pick<ErrorBody, 'type' | 'message'>, requestId: string): JsonObject {
  const { type, message } = error;
  if (type === tooLarge) return { error: { type, message } };
  return { type: 'error', error: { type, message }, request_id: requestId };
}
