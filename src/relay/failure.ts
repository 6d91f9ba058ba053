// What is told of a call to upstream that failed. An error of the network names upstream's address, which is nobody's
// business.

import { ApiError, ConnectionError, TimeoutError, TruncatedError } from '../client/index.ts';
import { ResponseError } from '../client/index.ts';
import { ProtocolError } from '../protocol/index.ts';
import type { EndRecord } from '../storage/index.ts';
import { OwnerLimitError } from './access/owner-limit-error.ts';
import { errorResponse } from './http.ts';
import type { RelayResponse } from './http.ts';

export function failureOf(error: unknown): { readonly code: string; readonly message: string } {
  if (error instanceof OwnerLimitError) return { code: error.code, message: error.message };
  const message = messageOf(error);
  return message === undefined
    ? { code: 'api_error', message: 'Internal server error' }
    : { code: (error as { code: string }).code, message };
}

/** Undefined for an error of our own. */
function messageOf(error: unknown): string | undefined {
  if (error instanceof ApiError || error instanceof ProtocolError) return error.message;
  if (error instanceof ConnectionError)
    return error.phase === 'connect' ? 'Upstream cannot be reached' : 'The answer of upstream broke off';
  if (error instanceof TruncatedError) return 'The upstream answer ended before message_stop';
  if (error instanceof TimeoutError) return `Upstream took too long: ${error.message}`;
  if (!(error instanceof ResponseError)) return undefined;
  const { status, contentType = 'no content type', excerpt } = error;
  return `Upstream answered ${status} with ${contentType}, not an event stream: ${JSON.stringify(excerpt.slice(0, 80))}`;
}

/** How a log ends by an error. */
export function endOf(error: unknown): EndRecord {
  return { type: 'end', ending: { type: 'failed', ...failureOf(error) } };
}

/** The response for a client that has none yet. */
export function refusalOf(error: unknown): RelayResponse {
  if (error instanceof OwnerLimitError) return error.response;
  const { message } = failureOf(error);
  if (error instanceof ApiError) return errorResponse(error.status ?? 502, error.type, message);
  if (error instanceof TimeoutError) return errorResponse(504, 'timeout_error', message);
  return errorResponse(messageOf(error) === undefined ? 500 : 502, 'api_error', message);
}
