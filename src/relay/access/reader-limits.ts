// How many connections a caller may read with.

import type { ReaderPlace } from '../reader-count.ts';
import type { RouteContext } from '../route-context.ts';
import { limitsOf } from './access-rules.ts';

type Context = Pick<RouteContext, 'streams' | 'access' | 'caller'>;

/** A place for one more connection of the caller; undefined when they may not have one more. */
export function takeReaderPlace({ streams, access, caller }: Context): ReaderPlace | undefined {
  const { readers, readersPerStream } = limitsOf(access.rules, caller.owner);
  const { owner, session } = caller;
  return streams.readers.take({ owner, session, readers, readersPerStream });
}

/** One among the readers of a stream that is there, and is its owner's. */
export function takePlaceAt(
  { id, owner }: { readonly id: string; readonly owner: string },
  context: Context,
): ReaderPlace | undefined {
  const place = takeReaderPlace(context);
  if (place?.enter(id, { isForeign: owner !== context.caller.owner }) === true) return place;
  place?.leave();
  return undefined;
}
