// Where `millrace serve` keeps its streams.

import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';
import { MemoryConversations, MemoryQuotas, MemoryStreamLog } from '../storage/index.ts';
import type { ConversationStore, QuotaStore, StreamLog } from '../storage/index.ts';
import { SqliteStreamLog, StoreError } from '../storage/sqlite.ts';
import type { SqliteStreamLogOptions } from '../storage/sqlite.ts';
import { note } from './note.ts';

/** What `--store` says. */
export type StoreChoice =
  | { readonly type: 'memory' }
  /** Without a file: the one of this user. */
  | { readonly type: 'sqlite'; readonly file?: string };

export interface OpenStore {
  readonly log: StreamLog;
  readonly conversations: ConversationStore;
  readonly quotas: QuotaStore;
  /** For a person. */
  readonly place: string;
}

export interface OpenStoreOptions extends Pick<
  SqliteStreamLogOptions,
  'maxStreams' | 'maxLogBytes' | 'maxTotalBytes' | 'maxFileBytes'
> {
  /** How long an answer is kept after its end. */
  readonly keepMs: number;
  readonly onError: (error: unknown) => void;
}

/** Undefined for what is no store. */
export function parseStore(text: string): StoreChoice | undefined {
  if (text === 'memory') return { type: 'memory' };
  if (text === 'sqlite') return { type: 'sqlite' };
  const [, file] = /^sqlite:(.+)$/s.exec(text) ?? [];
  return file === undefined ? undefined : { type: 'sqlite', file: resolve(file) };
}

/** Throws a StoreError. Where nobody named a file and the user's own cannot be made, memory has to do, and stderr
 * says so. */
export function openStore(choice: StoreChoice, options: OpenStoreOptions): OpenStore {
  if (choice.type === 'memory') return inMemory(options);
  const file = choice.file ?? userFile();
  try {
    const log = SqliteStreamLog.open(file, options);
    return { log, conversations: log.conversations, quotas: log.quotas, place: `in ${file}` };
  } catch (error) {
    const isMissing = error instanceof StoreError && error.code === 'store_not_opened';
    if (choice.file !== undefined || !isMissing) throw withRemedy(error);
    note(
      `millrace serve: ${error.message}: answers are kept in memory; --store sqlite:PATH names another file`,
    );
    return inMemory(options);
  }
}

function inMemory({ onError: _, maxFileBytes: __, ...options }: OpenStoreOptions): OpenStore {
  const log = new MemoryStreamLog(options);
  const others = { conversations: new MemoryConversations(), quotas: new MemoryQuotas() };
  return { log, ...others, place: 'in memory, and end with this process' };
}

/** The state folder of https://specifications.freedesktop.org/basedir-spec, where a relative one does not count. */
function userFile(): string {
  const named = process.env['XDG_STATE_HOME'] ?? '';
  const folder = isAbsolute(named) ? named : join(homedir(), '.local', 'state');
  return join(folder, 'millrace', 'relay.db');
}

function withRemedy(error: unknown): unknown {
  if (!(error instanceof StoreError) || !error.message.endsWith('name another file')) return error;
  return new Error(`${error.message} with --store sqlite:PATH, or use --store memory`, { cause: error });
}
