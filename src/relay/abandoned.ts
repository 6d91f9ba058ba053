// What becomes of streams whose producer is gone without an ending: its process was killed, or its store did not
// take the end. The policy is here alone: what came stays, and the log ends `interrupted`.

import type { LogEnding, StreamLog } from '../storage/index.ts';
import { withStore } from './storage-error.ts';

const interrupted: LogEnding = {
  type: 'failed',
  code: 'interrupted',
  message: 'The relay was ended in the middle of the answer',
};

/** How long a stream is held while it gets its end, in milliseconds. */
const leaseMs = 5_000;

/** How many streams get their ends at once. */
const endedAtOnce = 100;

export interface AbandonedOptions {
  readonly log: StreamLog;
  /** Who takes them. */
  readonly name: string;
  /** Streams that are about to be taken by their own producer. */
  readonly isStarting: (id: string) => boolean;
}

/** Ends every stream that nobody holds; one that another takes first is left to it. Rejects with StorageError. */
export async function endAbandoned({ log, name, isStarting }: AbandonedOptions): Promise<void> {
  const found = await withStore('look for abandoned streams', () => log.abandoned());
  const ids = found.filter((id) => !isStarting(id));
  for (let start = 0; start < ids.length; start += endedAtOnce) {
    const some = ids.slice(start, start + endedAtOnce);
    await Promise.all(some.map((id) => withStore(`end the stream ${id}`, () => endOne(log, id, name))));
  }
}

async function endOne(log: StreamLog, id: string, name: string): Promise<void> {
  const acquired = await log.acquire(id, name, leaseMs);
  if (acquired.type !== 'acquired') return;
  try {
    await log.append(id, { after: acquired.tail, records: [{ type: 'end', ending: interrupted }] });
  } finally {
    await log.release(id, name);
  }
}
