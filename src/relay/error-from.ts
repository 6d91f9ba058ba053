// What upstream says in place of an answer, as an error.

import { apiErrorOf } from '../client/engine.ts';
import { ResponseError } from '../client/index.ts';
import type { ApiError, TransportResponse } from '../client/index.ts';
import type { Hearer } from './failure.ts';
import type { RelayResponse } from './http.ts';
import { isJsonObject, parseObject } from './json-object.ts';
import { passedResponse, readBytes } from './upstream.ts';

/** The error of a response that is no stream. Rejects with what reading it rejects with. */
export async function errorFrom(
  response: TransportResponse,
  { quotesUpstream = true, nowMs }: Hearer & { readonly nowMs: number },
): Promise<ErrorFrom> {
  const { status, headers } = response;
  if (status < 400 || status >= 600) {
    const contentType = headers.get('content-type') ?? undefined;
    const excerpt = new TextDecoder().decode(await readBytes(response.body, excerptLimits));
    return { failure: new ResponseError('not_an_event_stream', { status, contentType, excerpt }) };
  }
  const passed = await passedResponse(response);
  const text = new TextDecoder().decode(passed.body);
  if (quotesUpstream) return { failure: apiErrorOf(response, text, nowMs), passed };
  if (!isOfTheApi(text)) return { failure: apiErrorOf(response, '', nowMs) };
  return { failure: apiErrorOf(response, text, nowMs), passed: { ...passed, headers: plainHeaders(passed) } };
}

/** What says when to come back, and by which name upstream knows the request. All else is between it and the relay. */
const plainNames = new Set(['request-id', 'retry-after', 'retry-after-ms', 'x-should-retry']);

function plainHeaders({ headers }: RelayResponse): Record<string, string> {
  const said = Object.entries(headers).filter(([name]) => plainNames.has(name));
  return { ...Object.fromEntries(said), 'content-type': 'application/json' };
}

interface ErrorFrom {
  readonly failure: ApiError | ResponseError;
  /** What a client that has no response yet may get as it is. */
  readonly passed?: RelayResponse;
}

/** What is shown of an answer that is no stream; one that stays open is waited for no longer than this. */
const excerptLimits = { maxBytes: 500, maxMs: 1000 };

function isOfTheApi(text: string): boolean {
  const error = parseObject(text)?.['error'];
  return isJsonObject(error) && typeof error['type'] === 'string' && typeof error['message'] === 'string';
}
