// What is told of a call to upstream that failed. An error of the network names upstream's address, which is nobody's
// business.

import { ApiError, ConnectionError, TimeoutError, TruncatedError } from '../client/index.ts';
import { ResponseError } from '../client/index.ts';
import { ProtocolError } from '../protocol/index.ts';
import type { EndRecord } from '../storage/index.ts';
import { OwnerLimitError } from './access/owner-limit-error.ts';
import { errorResponse } from './http.ts';
import type { RelayResponse } from './http.ts';
import type { StreamCall } from './stream-call.ts';

/** Who hears of it. */
export type Hearer = Pick<StreamCall, 'quotesUpstream'>;

export function failureOf(
  error: unknown,
  hearer: Hearer = {},
): { readonly code: string; readonly message: string } {
  if (error instanceof OwnerLimitError) return { code: error.code, message: error.message };
  const message = messageOf(error, hearer);
  return message === undefined
    ? { code: 'api_error', message: 'Internal server error' }
    : { code: (error as { code: string }).code, message };
}

/** Undefined for an error of our own. */
function messageOf(error: unknown, { quotesUpstream = true }: Hearer): string | undefined {
  if (error instanceof ApiError || error instanceof ProtocolError) return error.message;
  if (error instanceof ConnectionError)
    return error.phase === 'connect' ? 'Upstream cannot be reached' : 'The answer of upstream broke off';
  if (error instanceof TruncatedError) return 'The upstream answer ended before message_stop';
  if (error instanceof TimeoutError) return `Upstream took too long: ${error.message}`;
  if (!(error instanceof ResponseError)) return undefined;
  const { status, contentType = 'no content type', excerpt } = error;
  const said = `Upstream answered ${status} with ${contentType}, not an event stream`;
  return quotesUpstream ? `${said}: ${JSON.stringify(excerpt.slice(0, 80))}` : said;
}

/** How a log ends by an error. */
export function endOf(error: unknown, hearer?: Hearer): EndRecord {
  return { type: 'end', ending: { type: 'failed', ...failureOf(error, hearer) } };
}

/** The response for a client that has none yet. */
export function refusalOf(error: unknown, hearer: Hearer = {}): RelayResponse {
  if (error instanceof OwnerLimitError) return error.response;
  const { message } = failureOf(error, hearer);
  if (error instanceof ApiError) return apiRefusal(error, message);
  if (error instanceof TimeoutError) return errorResponse(504, 'timeout_error', message);
  return errorResponse(messageOf(error, hearer) === undefined ? 500 : 502, 'api_error', message);
}

/** When to come back is upstream's to say. */
function apiRefusal({ status = 502, type, retryAfterMs }: ApiError, message: string): RelayResponse {
  const response = errorResponse(status, type, message);
  if (retryAfterMs === undefined) return response;
  const seconds = String(Math.max(1, Math.ceil(retryAfterMs / 1000)));
  return { ...response, headers: { ...response.headers, 'retry-after': seconds } };
}
