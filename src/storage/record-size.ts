// How the bytes of a log are counted, alike in every backend: what its entries take in memory, rounded up.

import type { LogRecord } from './log-record.ts';
import type { ReadLimits } from './stream-log.ts';

/** What an entry takes beside its long text: the entry, its id, its record, the name of its event and their places. */
const entryBytes = 350;

/** No name that the API gives its events is longer. */
const longestName = 64;

export function sizeOf(record: LogRecord): number {
  const { event: name = '' } = record as { event?: string };
  return entryBytes + bytesOf(textOf(record)) + (name.length > longestName ? bytesOf(name) : 0);
}

/** Where a read that begins at `start` stops, given the size of each entry. */
export function endOfRead(
  sizes: readonly number[],
  start: number,
  { maxEntries, maxBytes }: ReadLimits,
): number {
  const last = Math.min(start + maxEntries, sizes.length);
  let bytes = 0;
  for (let index = start; index < last; index += 1) {
    bytes += sizes[index] ?? 0;
    if (bytes > maxBytes && index > start) return index;
  }
  return last;
}

/** What can be long in a record. */
function textOf(record: LogRecord): string {
  if (record.type === 'event') return record.data;
  if (record.type === 'open') return record.request;
  return record.type === 'end' && record.ending.type === 'failed' ? record.ending.message : '';
}

/** A string takes two bytes for each character as soon as one of them needs it. */
function bytesOf(text: string): number {
  return /[\u0100-\uffff]/.test(text) ? 2 * text.length : text.length;
}
