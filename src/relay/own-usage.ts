// What one request of several took, where the log says what all of them took together.

import { totalUsage } from '../client/engine.ts';
import type { AttemptRecord } from '../client/index.ts';
import type { StreamEvent } from '../protocol/index.ts';
import { isJsonObject } from './json-object.ts';
import type { JsonObject } from './json-object.ts';

/** An event of the last of these requests, as upstream said it: in the log a `message_delta` behind a further request
 * has the sums of all so far. */
export function withOwnUsage(
  event: StreamEvent,
  requests: readonly Pick<AttemptRecord, 'usage'>[],
): StreamEvent {
  const { usage } = event as { usage?: JsonObject | null };
  if (event.type !== 'message_delta' || usage == null) return event;
  const before = totalUsage(requests.slice(0, -1)) as JsonObject | undefined;
  return before === undefined ? event : { ...event, usage: difference(usage, before) };
}

/** An estimate may differ a little from the one that was added: nothing took less than nothing. */
function difference(sum: JsonObject, before: JsonObject): JsonObject {
  const entries = Object.entries(sum).map(([name, value]): [string, unknown] => {
    const other = before[name];
    if (typeof value === 'number' && typeof other === 'number') return [name, Math.max(0, value - other)];
    return [name, isJsonObject(value) && isJsonObject(other) ? difference(value, other) : value];
  });
  return Object.fromEntries(entries);
}
