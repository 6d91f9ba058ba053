// The records of a log, read batch by batch.

import { logStart } from '../storage/index.ts';
import type { EntryId, LogRecord, StreamLog } from '../storage/index.ts';
import { nextTurn } from './timers.ts';

/** How much of a log is held at once. */
const batchLimits = { maxEntries: 1024, maxBytes: 1024 * 1024 };

/** All records as far as `tail`: what comes meanwhile is not told, and a log that grows faster is not chased. Ends
 * early when the log is gone, or is not what it was. */
export async function* logRecords(
  log: StreamLog,
  id: string,
  tail: EntryId,
): AsyncGenerator<readonly LogRecord[], void, undefined> {
  let after = logStart;
  while (after.sequence < tail.sequence) {
    // Reads of a log in memory never wait: a long log would hold up everybody else.
    if (after !== logStart) await nextTurn();
    const maxEntries = Math.min(batchLimits.maxEntries, tail.sequence - after.sequence);
    const result = await log.read(id, after, { ...batchLimits, maxEntries });
    const last = result.type === 'entries' ? result.entries.at(-1) : undefined;
    if (result.type !== 'entries' || last === undefined) return;
    yield result.entries.map(({ record }) => record);
    after = last.id;
  }
}
