// What SQLite says, in the codes of this program.

import { StoreError } from './store-error.ts';
import type { StoreErrorCode } from './store-error.ts';

/** By SQLite's primary result codes (https://www.sqlite.org/rescode.html); all others are `store_io_failed`. */
const codes: Readonly<Record<number, StoreErrorCode>> = {
  1: 'store_damaged', // ERROR: its tables are not what they were
  3: 'store_not_opened', // PERM
  5: 'store_in_use', // BUSY
  6: 'store_in_use', // LOCKED
  8: 'store_not_opened', // READONLY
  11: 'store_damaged', // CORRUPT
  13: 'disk_full', // FULL
  14: 'store_not_opened', // CANTOPEN
  23: 'store_not_opened', // AUTH
  26: 'store_foreign', // NOTADB
};

/** The error as a StoreError; one that is one already stays. */
export function toStoreError(cause: unknown, file: string): StoreError {
  if (cause instanceof StoreError) return cause;
  if (cause instanceof SyntaxError) return new StoreError('store_damaged', file, { cause });
  const { errcode } = cause as { errcode?: unknown };
  const primary = typeof errcode === 'number' ? errcode & 0xff : -1;
  return new StoreError(codes[primary] ?? 'store_io_failed', file, { cause });
}
