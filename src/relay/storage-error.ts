// A store that failed: its own error is the cause.

import type { LogEnding } from '../storage/index.ts';

export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code: 'storage_failed' | 'storage_full';

  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.code = isStoreFull(options.cause) ? 'storage_full' : 'storage_failed';
  }

  /** The ending of a stream that cannot be kept. */
  get ending(): LogEnding {
    return { type: 'failed', code: this.code, message: meanings[this.code] };
  }
}

const meanings = {
  storage_failed: 'The store could not be written',
  storage_full: 'The store is full: what came before is kept',
};

/** Whether a store, or who speaks for it, says that there is no room: a disk that is full, in the words of
 * src/storage/store-error.ts. */
export function isStoreFull(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return code === 'disk_full' || code === 'storage_full';
}

/** Whether the store says that it is not what was written, in the words of src/storage/store-error.ts. */
export function isStoreDamaged({ cause }: StorageError): boolean {
  return (cause as { code?: unknown } | undefined)?.code === 'store_damaged';
}

/** Does something with the store. Rejects with StorageError, whatever the store threw. */
export async function withStore<Result>(action: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    throw storageErrorOf(action, cause);
  }
}

/** The error of a store that threw `cause`, unless it is one already. */
export function storageErrorOf(action: string, cause: unknown): StorageError {
  if (cause instanceof StorageError) return cause;
  return new StorageError(`Cannot ${action}: ${String(cause)}`, { cause });
}
