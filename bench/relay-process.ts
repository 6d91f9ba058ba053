// A relay that is measured, in a process of its own: its memory, files and timers are its own. Started by
// soak-relay.ts, which tells it what to do over IPC.

import { readdirSync } from 'node:fs';
import { createNodeTransport } from 'millrace/client/node';
import { createRelay } from 'millrace/relay';
import { startRelayServer } from 'millrace/relay/node';
import { SqliteStreamLog } from 'millrace/storage/sqlite';
import { createYoungGeneration } from '../src/cli/young-generation.ts';

export interface RelayStart {
  readonly upstream: string;
  /** The SQLite file of its logs. */
  readonly file: string;
}

export interface RelayUsage {
  readonly rssBytes: number;
  readonly heapBytes: number;
  /** Open files and sockets. */
  readonly files: number;
  /** Timers, sockets and whatever else keeps a process alive, by kind. */
  readonly resources: Readonly<Record<string, number>>;
}

async function start({ upstream, file }: RelayStart): Promise<number> {
  const onError = (error: unknown): void => console.error(error);
  const relay = createRelay({
    upstream: { baseURL: upstream, transport: createNodeTransport() },
    log: SqliteStreamLog.open(file, { onError }),
    settings: { simulated: true, version: '0.0.0', model: 'claude-sonnet-5', maxTokens: 512 },
    onError,
    telemetry: [createYoungGeneration()],
  });
  return (await startRelayServer(relay, { port: 0, onError })).port;
}

function usage(): RelayUsage {
  // Twice: what finalizers let go of counts as gone.
  globalThis.gc?.();
  globalThis.gc?.();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  const { rss, heapUsed } = process.memoryUsage();
  const files = readdirSync('/proc/self/fd').length;
  return { rssBytes: rss, heapBytes: heapUsed, files, resources };
}

process.on('message', (message: RelayStart | 'measure') => {
  if (message === 'measure') process.send?.(usage());
  else void start(message).then((port) => process.send?.(port));
});
process.once('disconnect', () => process.exit());
