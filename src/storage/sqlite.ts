// The door of storage in a SQLite file. Needs Node: node:sqlite, node:fs.

export { SqliteStreamLog } from './sqlite-stream-log.ts';
export type { SqliteStreamLogOptions } from './sqlite-stream-log.ts';
export { StoreError } from './store-error.ts';
export type { StoreErrorCode } from './store-error.ts';
