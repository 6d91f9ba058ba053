// A relay in this process, in front of any upstream, on a free loopback port.

import { createFetchTransport } from 'millrace/client';
import { createRelay } from 'millrace/relay';
import type { RelayOptions } from 'millrace/relay';
import { MemoryStreamLog } from 'millrace/storage';
import type { StreamLog } from 'millrace/storage';
import { startRelayServer } from '../../src/relay/node.ts';
import type { RelayServer } from '../../src/relay/node.ts';

export interface TestRelay extends AsyncDisposable {
  readonly url: string;
  readonly log: StreamLog;
  readonly server: RelayServer;
  /** What the relay called its own fault. */
  readonly errors: readonly unknown[];
}

export type TestRelayOptions = Partial<Omit<RelayOptions, 'upstream'>> & {
  upstream?: Partial<RelayOptions['upstream']>;
};

export async function startTestRelay(baseURL: string, options: TestRelayOptions = {}): Promise<TestRelay> {
  const log = options.log ?? new MemoryStreamLog();
  const errors: unknown[] = [];
  const relay = createRelay({
    settings: { simulated: true, version: '0.0.0', model: 'claude-sonnet-5', maxTokens: 512 },
    onError: (error) => errors.push(error),
    ...options,
    log,
    upstream: { baseURL, transport: createFetchTransport(), ...options.upstream },
  });
  const server = await startRelayServer(relay, { port: 0 });
  return {
    url: server.url,
    log,
    server,
    errors,
    [Symbol.asyncDispose]: async () => {
      await server.close();
      await log[Symbol.asyncDispose]();
    },
  };
}
