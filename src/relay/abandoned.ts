// What becomes of streams whose producer is gone without an ending: its process was killed, or its store did not
// take the end. They are gone on with where that is possible; otherwise what came stays, and the log ends
// `interrupted`.

import { logStart } from '../storage/index.ts';
import type { LogEnding, OpenRecord, StreamLog } from '../storage/index.ts';
import { interruptedEnding } from './last-words.ts';
import { withStore } from './storage-error.ts';
import type { StorageError } from './storage-error.ts';

/** How long a stream is held while it gets its end, in milliseconds. */
const leaseMs = 5_000;

/** How many streams are looked at at once. */
const takenAtOnce = 100;

export interface AbandonedOptions {
  readonly log: StreamLog;
  /** Who takes them. */
  readonly name: string;
  /** Streams that have a producer here, or are about to. */
  readonly isOwn: (id: string) => boolean;
  /** Goes on with a stream, or leaves it to others; otherwise says how it ends. */
  readonly takeOver: (id: string, open: OpenRecord) => LogEnding | undefined;
  /** Looks after what a stream is part of; false when the stream has no place there any more, and goes. */
  readonly restore: (id: string, open: OpenRecord) => Promise<boolean>;
  /** Told of a stream that was ended instead. */
  readonly onInterrupted: () => void;
  /** Told of a stream that the store did not let be taken, or ended. */
  readonly onFailed: (id: string, error: StorageError) => void;
}

/** Takes every stream that nobody holds; one that another takes first is left to it. One that fails keeps no other
 * from being taken; then this rejects with its StorageError, the first one's of several. */
export async function takeAbandoned(options: AbandonedOptions): Promise<void> {
  const { log, isOwn, onFailed } = options;
  const found = await withStore('look for abandoned streams', () => log.abandoned());
  const ids = found.filter((id) => !isOwn(id));
  let firstFailure: StorageError | undefined;
  for (let start = 0; start < ids.length; start += takenAtOnce) {
    const some = ids.slice(start, start + takenAtOnce);
    const take = (id: string) =>
      withStore(`take the stream ${id}`, () => takeOne(id, options)).catch((error: StorageError) => {
        firstFailure ??= error;
        onFailed(id, error);
      });
    await Promise.all(some.map(take));
  }
  if (firstFailure !== undefined) throw firstFailure;
}

async function takeOne(id: string, options: AbandonedOptions): Promise<void> {
  const { log, name, restore, takeOver, onInterrupted } = options;
  const result = await log.read(id, logStart, { maxEntries: 1, maxBytes: 1 });
  const open = result.type === 'entries' ? result.entries[0]?.record : undefined;
  if (open?.type !== 'open') return;
  if (!(await restore(id, open))) return log.delete(id);
  const ending = takeOver(id, open);
  if (ending === undefined) return;
  const acquired = await log.acquire(id, name, leaseMs);
  if (acquired.type !== 'acquired') return;
  try {
    const records = [{ type: 'end', ending }] as const;
    const { type } = await log.append(id, { after: acquired.tail, records });
    if (type === 'appended' && ending === interruptedEnding) onInterrupted();
  } finally {
    await log.release(id, name);
  }
}
