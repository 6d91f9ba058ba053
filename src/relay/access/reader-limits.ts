// How many connections a caller may read with.

import type { RouteContext } from '../route-context.ts';
import { limitsOf } from './access-rules.ts';

/** Whether the caller may not read one more, of a new stream or of this one. */
export function areReadersFull(
  { streams, access, caller }: Pick<RouteContext, 'streams' | 'access' | 'caller'>,
  id?: string,
): boolean {
  const { readers, readersPerStream } = limitsOf(access.rules, caller.owner);
  return streams.readers.isFull({ owner: caller.owner, readers, readersPerStream }, id);
}
