// Where a reader wants to go on.

import { parseEntryId } from '../storage/index.ts';
import type { EntryId } from '../storage/index.ts';
import type { RelayRequest } from './http.ts';
import { RequestError } from './request-error.ts';

type Asked = Pick<RelayRequest, 'headers' | 'query'>;

/** Undefined for the beginning. Throws RequestError for what is no entry id. */
export function offsetOf(request: Asked): EntryId | undefined {
  const text = saidOffset(request);
  if (text === undefined) return undefined;
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
export function refuseOffset(request: Asked, how: string): void {
  if (saidOffset(request) !== undefined)
    throw new RequestError(400, `Last-Event-ID: this would begin another answer; go on with ${how}`);
}

function saidOffset({ headers, query }: Asked): string | undefined {
  return headers.get('last-event-id') ?? new URLSearchParams(query).get('after') ?? undefined;
}
