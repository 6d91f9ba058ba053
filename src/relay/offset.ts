// Where a reader wants to go on.

import { parseEntryId } from '../storage/index.ts';
import type { EntryId } from '../storage/index.ts';
import type { RelayRequest } from './http.ts';
import { RequestError } from './request-error.ts';

/** Undefined for the beginning. Throws RequestError for what is no entry id. */
export function offsetOf({ headers, query }: Pick<RelayRequest, 'headers' | 'query'>): EntryId | undefined {
  const text = headers.get('last-event-id') ?? new URLSearchParams(query).get('after');
  if (text === null) return undefined;
  const after = parseEntryId(text);
  if (after === undefined)
    throw new RequestError(
      400,
      `Last-Event-ID: must be the id of an event of this stream, not ${JSON.stringify(text)}`,
    );
  return after;
}

/** Who comes back wants the answer there is: throws RequestError for a request that would ask for another one, and pay
 * for it. */
export function refuseOffset({ headers }: Pick<RelayRequest, 'headers'>, how: string): void {
  if (headers.get('last-event-id') !== undefined)
    throw new RequestError(400, `Last-Event-ID: this would begin another answer; go on with ${how}`);
}
