// What a reader's leaving does to the answer, where a client says so itself.

import { RequestError } from './request-error.ts';
import type { StartOptions } from './start-options.ts';

/** How long an answer of a chat goes on after its reader has gone, in milliseconds, where nothing else is asked for:
 * time enough to come back, not to run up a bill. */
export const orphanMs = 60_000;

type OnDisconnect = Pick<StartOptions, 'orphanMs' | 'leaving'>;

const ways = {
  /** Stopped as soon as nobody reads any more; before the first byte, when who asked leaves. */
  stop: (leaving) => ({ orphanMs: 0, leaving }),
  /** Goes on to its end, for who comes back. */
  continue: () => ({}),
} satisfies Record<string, (leaving: AbortSignal | undefined) => OnDisconnect>;

/** Undefined where the client says nothing. Throws RequestError for what is neither; `name` is where it stands. */
export function parseOnDisconnect(
  value: unknown,
  name: string,
): ((leaving: AbortSignal | undefined) => OnDisconnect) | undefined {
  if (value === undefined) return undefined;
  if (value === 'stop' || value === 'continue') return ways[value];
  throw new RequestError(400, `${name}: must be stop or continue, not ${JSON.stringify(value)}`);
}
