// A relay in a process of its own that kills itself, as `kill -9` would, at one point of its work. Started with the
// SQLite file, upstream's address and the point, as JSON.

import { createNodeTransport } from 'millrace/client/node';
import { createRelay } from 'millrace/relay';
import { startRelayServer } from 'millrace/relay/node';
import type { ConversationStore, StreamLog } from 'millrace/storage';
import { SqliteStreamLog } from 'millrace/storage/sqlite';
import { logWith, storeWith } from './stream-log.ts';

export interface Death {
  readonly when: 'before' | 'after';
  /** The work on the store that it dies of; nothing: it lives until somebody kills it. */
  readonly of: 'acquire' | 'append' | 'put' | 'nothing';
  /** What must stand in the records that are appended. */
  readonly saying?: string;
}

const [file = '', upstream = '', point = ''] = process.argv.slice(2);
const death = JSON.parse(point) as Death;
const onError = (error: unknown): void => console.error(error);
const log = SqliteStreamLog.open(file, { onError });

const die = (): void => {
  process.kill(process.pid, 'SIGKILL');
};

async function mortally<Result>(isIt: boolean, work: () => Promise<Result>): Promise<Result> {
  if (isIt && death.when === 'before') die();
  const result = await work();
  if (isIt && death.when === 'after') die();
  return result;
}

const changed: Partial<StreamLog> = {
  acquire: (...args) => mortally(death.of === 'acquire', () => log.acquire(...args)),
  append: (id, append) => {
    const isIt = death.of === 'append' && JSON.stringify(append.records).includes(death.saying ?? '');
    return mortally(isIt, () => log.append(id, append));
  },
};

const { conversations } = log;
const put: ConversationStore['put'] = (...args) =>
  mortally(death.of === 'put', () => conversations.put(...args));

const relay = createRelay({
  upstream: { baseURL: upstream, transport: createNodeTransport(), apiKey: 'sk-own' },
  log: logWith(log, changed),
  conversations: storeWith(conversations, { put }),
  settings: { simulated: true, version: '0.0.0', model: 'claude-sonnet-5', maxTokens: 900 },
  calls: { retry: { maxDelayMs: 0 } },
  onError,
});
const server = await startRelayServer(relay, { port: 0, onError });
console.log(server.url);
