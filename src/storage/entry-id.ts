// The id of a log entry, `<epoch>-<sequence>`: the sequence is dense over the stream's life, the epoch is taken
// anew whenever a producer acquires the stream. It is also the SSE `id:` of the entry.

export interface EntryId {
  /** Milliseconds of the store's clock when the producer acquired the stream, or one more than the last epoch. */
  readonly epoch: number;
  /** From 1 on, without gaps. */
  readonly sequence: number;
}

/** Stands before the first entry. */
export const logStart: EntryId = { epoch: 0, sequence: 0 };

export function formatEntryId({ epoch, sequence }: EntryId): string {
  return `${epoch}-${sequence}`;
}

/** Undefined when `text` is not an entry id. */
export function parseEntryId(text: string): EntryId | undefined {
  const match = /^([0-9]{1,15})-([0-9]{1,15})$/.exec(text);
  return match === null ? undefined : { epoch: Number(match[1]), sequence: Number(match[2]) };
}

export function isSameEntry(first: EntryId, second: EntryId): boolean {
  return first.epoch === second.epoch && first.sequence === second.sequence;
}
