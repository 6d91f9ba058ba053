// A reply that is one JSON object.

import { readText } from './api-connection.ts';
import { responseErrorOf } from './response-error-of.ts';
import type { TransportResponse } from './transport.ts';

export type JsonObject = Record<string, unknown>;

/** The most of a JSON reply that is read: far above any message, and below what would exhaust memory. */
const maxReplyBytes = 256 * 1024 * 1024;

/** Rejects with ResponseError when the reply is anything else than what is wanted. */
export async function readObject(
  response: TransportResponse,
  isWanted: (value: JsonObject) => boolean,
): Promise<JsonObject> {
  const text = await readText(response.body, maxReplyBytes);
  try {
    const value = JSON.parse(text) as JsonObject | null;
    if (typeof value === 'object' && value !== null && isWanted(value)) return value;
  } catch {
    // Not JSON: said below, with what it is instead.
  }
  throw responseErrorOf('not_a_message', response, text);
}
