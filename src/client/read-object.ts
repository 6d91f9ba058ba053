// A reply that is one JSON object.

import { readText } from './api-connection.ts';
import { ResponseError } from './errors.ts';
import type { TransportResponse } from './transport.ts';

export type JsonObject = Record<string, unknown>;

/** The most of a JSON reply that is read: far above any message, and below what would exhaust memory. */
const maxReplyBytes = 256 * 1024 * 1024;

/** Rejects with ResponseError when the reply is anything else than what is wanted. */
export async function readObject(
  { status, headers, body }: TransportResponse,
  isWanted: (value: JsonObject) => boolean,
): Promise<JsonObject> {
  const text = await readText(body, maxReplyBytes);
  try {
    const value = JSON.parse(text) as JsonObject | null;
    if (typeof value === 'object' && value !== null && isWanted(value)) return value;
  } catch {
    // Not JSON: said below, with what it is instead.
  }
  throw new ResponseError('not_a_message', {
    status,
    contentType: headers.get('content-type') ?? undefined,
    excerpt: text.slice(0, 500),
    requestId: headers.get('request-id') ?? undefined,
  });
}
