// Opens the file of a store: makes it where there is none, keeps others out of it, and looks at what it is.

import { chmodSync, closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { toStoreError } from './sqlite-error.ts';
import { StoreError } from './store-error.ts';

/** "MLRC": tells a store from another program's database. */
const applicationId = 0x4d_4c_52_43;

const schemaVersion = 4;

/** `bytes` of a conversation is the sum of its turns'; a turn's content and answer are JSON. */
const conversationTables = `
  CREATE TABLE conversation (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    owner TEXT NOT NULL,
    id TEXT NOT NULL,
    title TEXT NOT NULL,
    head TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    UNIQUE (owner, id)
  ) STRICT;
  CREATE INDEX conversation_by_change ON conversation (owner, updated_at DESC, id);
  CREATE TABLE turn (
    conversation INTEGER NOT NULL,
    id TEXT NOT NULL,
    parent TEXT,
    role TEXT NOT NULL,
    content TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    is_open INTEGER NOT NULL,
    answer TEXT,
    idempotency_key TEXT,
    PRIMARY KEY (conversation, id)
  ) STRICT;
  CREATE INDEX open_turn ON turn (id) WHERE is_open = 1;
`;

/** `batches` is a JSON array of what one turn of the event loop wrote: [stream, first sequence, records] each. */
const journalTable = `
  CREATE TABLE journal (
    row INTEGER PRIMARY KEY,
    batches TEXT NOT NULL
  ) STRICT;
`;

/** `day` is a day of UTC, counted from 1970. */
const quotaTable = `
  CREATE TABLE quota (
    owner TEXT PRIMARY KEY,
    day INTEGER NOT NULL,
    tokens REAL NOT NULL,
    cost REAL NOT NULL
  ) STRICT;
`;

/**
 * Entries are written twice. `journal` has them in the order of their arrival, a row for one turn of the event loop
 * however many streams it wrote to; when a stream has enough for a `chunk`, they go there as a JSON array, and the
 * journal's rows are deleted.
 *
 * `dropped` has the streams whose chunks are still to be deleted. Numbers of streams are never used twice.
 */
const schema = `
  CREATE TABLE stream (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    key TEXT,
    conversation TEXT,
    epochs TEXT NOT NULL,
    stop_requested INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    ended_at INTEGER,
    ending TEXT
  ) STRICT;
  ${journalTable}
  CREATE TABLE chunk (
    stream INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    records TEXT NOT NULL,
    PRIMARY KEY (stream, first)
  ) STRICT;
  CREATE TABLE dropped (stream INTEGER PRIMARY KEY) STRICT;
  ${conversationTables}
  ${quotaTable}
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${schemaVersion};
`;

/** There were no conversations. */
const fromVersion1 = `
  ALTER TABLE stream ADD COLUMN conversation TEXT;
  ${conversationTables}
`;

/** The journal had a row for each batch. */
const fromVersion2 = `
  ALTER TABLE journal RENAME TO journal_2;
  ${journalTable}
  INSERT INTO journal (row, batches)
    SELECT row, '[[' || stream || ',' || first || ',' || records || ']]' FROM journal_2;
  DROP TABLE journal_2;
`;

/** What owners have taken was in memory alone. */
const fromVersion3 = quotaTable;

/** Opens or makes the file, for this process alone and, on systems that know it, this user alone (mode 0600). Throws
 * a StoreError. */
export function openSqliteFile(
  file: string,
  { maxFileBytes }: { readonly maxFileBytes: number },
): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    prepareFile(file);
    database = new DatabaseSync(file);
    // One process at a time: the lock is held from the first access to the end of the process, however it ends, and
    // the log's index is in memory instead of a -shm file.
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    const isNew = checkFile(database, file);
    // Counts only before there is a table: pages that are free can be given back in small steps.
    database.exec('PRAGMA auto_vacuum = INCREMENTAL');
    database.exec('PRAGMA journal_mode = WAL');
    // What is committed outlives the process; the last commits before a power cut may be lost, and nothing else is.
    database.exec('PRAGMA synchronous = NORMAL');
    // Each checkpoint waits for the disk, and pages that were written again since the one before are copied once.
    database.exec('PRAGMA wal_autocheckpoint = 4000');
    database.exec(`PRAGMA journal_size_limit = ${16 * 1024 * 1024}`);
    limitSize(database, maxFileBytes);
    if (isNew) database.exec(`BEGIN IMMEDIATE; ${schema} COMMIT`);
    else upgrade(database);
    return database;
  } catch (error) {
    database?.close();
    throw error instanceof Error && 'syscall' in error
      ? new StoreError('store_not_opened', file, { cause: error })
      : toStoreError(error, file);
  }
}

function upgrade(database: DatabaseSync): void {
  const version = numberOf(database, 'PRAGMA user_version');
  const steps = [fromVersion1, fromVersion2, fromVersion3].slice(version - 1);
  if (steps.length === 0) return;
  database.exec(`BEGIN IMMEDIATE; ${steps.join('')} PRAGMA user_version = ${schemaVersion}; COMMIT`);
}

function prepareFile(file: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  // A file that is there is never opened here: to close it would give up the lock of a store in this same process.
  if (!existsSync(file)) closeSync(openSync(file, 'wx', 0o600));
  for (const path of [file, `${file}-wal`]) if (existsSync(path)) chmodSync(path, 0o600);
}

/** Whether the file is empty. Throws a StoreError for what is no store of this version. */
function checkFile(database: DatabaseSync, file: string): boolean {
  const id = numberOf(database, 'PRAGMA application_id');
  const version = numberOf(database, 'PRAGMA user_version');
  if (id === 0 && numberOf(database, 'SELECT count(*) FROM sqlite_schema') === 0) return true;
  if (id !== applicationId) throw new StoreError('store_foreign', file);
  if (version <= schemaVersion) return false;
  const reason = `it has version ${version} of the tables, and this is version ${schemaVersion}`;
  throw new StoreError('store_too_new', file, { reason });
}

function numberOf(database: DatabaseSync, query: string): number {
  const [value] = Object.values(database.prepare(query).get() ?? {});
  return Number(value);
}

/** SQLite counts in pages, and never fewer than there are. */
function limitSize(database: DatabaseSync, maxFileBytes: number): void {
  if (maxFileBytes === Infinity) return;
  const { page_size: pageBytes } = database.prepare('PRAGMA page_size').get() as { page_size: number };
  database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxFileBytes / pageBytes))}`);
}
