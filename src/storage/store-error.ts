// A store on disk that cannot be opened, read or written. The message names the file and, where there is one, the
// way out.

export type StoreErrorCode =
  | 'store_in_use'
  | 'store_not_opened'
  | 'store_foreign'
  | 'store_too_new'
  | 'store_damaged'
  | 'store_closed'
  | 'store_io_failed'
  | 'disk_full';

export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;
  readonly file: string;

  /** The message ends with the reason, else with what the cause says, where that says more than the code. */
  constructor(
    code: StoreErrorCode,
    file: string,
    { reason, cause }: { reason?: string; cause?: unknown } = {},
  ) {
    const said = reason ?? (cause instanceof Error && !toldByCode.has(code) ? cause.message : undefined);
    const why = said === undefined ? '' : ` (${said})`;
    super(`Cannot ${actions[code]} the store ${file}: ${meanings[code]}${why}`, { cause });
    this.code = code;
    this.file = file;
  }
}

const toldByCode: ReadonlySet<StoreErrorCode> = new Set(['store_in_use', 'store_foreign']);

const actions = {
  store_in_use: 'open',
  store_not_opened: 'open',
  store_foreign: 'open',
  store_too_new: 'open',
  store_damaged: 'read',
  store_closed: 'use',
  store_io_failed: 'read or write',
  disk_full: 'write',
} satisfies Record<StoreErrorCode, string>;

const meanings = {
  store_in_use: 'another process has it open, and one store serves one process; name another file',
  store_not_opened: 'the system does not let this process make, read and write it',
  store_foreign: 'the file is no store of Millrace; name another file',
  store_too_new: 'a newer version of Millrace has written it; use that version, or name another file',
  store_damaged: 'it is damaged; move it and its -wal file away, and a new one is made',
  store_closed: 'it was closed',
  store_io_failed: 'the disk or the system failed',
  disk_full: 'the disk is full; what was acknowledged is kept',
} satisfies Record<StoreErrorCode, string>;
