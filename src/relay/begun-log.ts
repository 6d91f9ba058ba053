// What a log says of an answer that is not whole: the events a reader has had, and the requests they are of. The log
// is all that is needed to go on with an answer, whoever began it.

import type { RecoverEvent, UsageRecord } from '../client/engine.ts';
import { parseStreamEvent, ProtocolError } from '../protocol/index.ts';
import type { StreamEvent } from '../protocol/index.ts';
import type { EntryId, LogRecord, StreamLog } from '../storage/index.ts';
import { logRecords } from './log-records.ts';
import { LoggedCalls } from './logged-calls.ts';
import { withStore } from './storage-error.ts';

export interface BegunLog {
  readonly events: readonly (StreamEvent | RecoverEvent)[];
  /** One for each request that upstream has answered. */
  readonly requests: readonly UsageRecord[];
  /** How often the answer was gone on with, by whomever. */
  readonly recoveries: number;
  /** What `recoveries` will be for the process that takes the stream next. */
  readonly nextRecoveries: number;
}

/** Undefined when the log holds an event that cannot be read: nothing can be joined to that. Rejects with
 * StorageError. */
export async function readBegunLog(
  log: StreamLog,
  id: string,
  { tail, model }: { tail: EntryId; model: string },
): Promise<BegunLog | undefined> {
  const fold = new BegunLogFold(model);
  return withStore(`read the stream ${id}`, async () => {
    try {
      for await (const records of logRecords(log, id, tail)) {
        for (const record of records) fold.take(record);
      }
      return fold;
    } catch (error) {
      if (error instanceof ProtocolError) return undefined;
      throw error;
    }
  });
}

class BegunLogFold implements BegunLog {
  readonly events: (StreamEvent | RecoverEvent)[] = [];
  readonly #calls: LoggedCalls;
  #recoveries = 0;
  #producers = 0;

  constructor(model: string) {
    this.#calls = new LoggedCalls(model);
  }

  get requests(): readonly UsageRecord[] {
    return this.#calls.records;
  }

  /** Each process that died of it after the first counts, whether or not it got to go on: the last one has only just
   * taken the stream. */
  get recoveries(): number {
    return Math.max(this.#recoveries, this.#producers - 2);
  }

  get nextRecoveries(): number {
    return Math.max(this.#recoveries, this.#producers - 1);
  }

  /** Throws a ProtocolError for an event that cannot be read. */
  take(record: LogRecord): void {
    if (record.type === 'event') this.#takeEvent(parseStreamEvent(record));
    else if (record.type === 'further_attempt') {
      if (record.kind === 'recovery') this.#recoveries += 1;
      this.#calls.takeAttempt(record);
    } else if (record.type === 'attempt') this.#producers += 1;
    else if (record.type === 'rewind') {
      const attempt = this.requests.length + 1;
      this.events.push({ type: 'recover', from_index: record.fromIndex, attempt, reason: '' });
    }
  }

  #takeEvent(event: StreamEvent): void {
    this.#calls.takeEvent(event);
    this.events.push(event);
  }
}
