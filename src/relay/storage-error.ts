// A store that failed: its own error is the cause.

export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly code = 'storage_failed';
}

/** Does something with the store. Rejects with StorageError, whatever the store threw. */
export async function withStore<Result>(action: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    throw new StorageError(`Cannot ${action}: ${String(cause)}`, { cause });
  }
}
