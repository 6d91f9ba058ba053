// A relay in this process, in front of any upstream, on a free loopback port.

import { createNodeTransport } from 'millrace/client/node';
import { createRelay } from 'millrace/relay';
import type { Relay, RelayOptions } from 'millrace/relay';
import { MemoryStreamLog } from 'millrace/storage';
import type { StreamLog } from 'millrace/storage';
import { startRelayServer } from 'millrace/relay/node';
import type { RelayServer } from 'millrace/relay/node';

export interface TestRelay extends AsyncDisposable {
  readonly url: string;
  readonly log: StreamLog;
  readonly server: RelayServer;
  readonly relay: Relay;
  /** What the relay called its own fault. */
  readonly errors: readonly unknown[];
}

export type TestRelayOptions = Partial<Omit<RelayOptions, 'upstream'>> & {
  upstream?: Partial<RelayOptions['upstream']>;
};

export async function startTestRelay(baseURL: string, options: TestRelayOptions = {}): Promise<TestRelay> {
  const log = options.log ?? new MemoryStreamLog();
  const errors: unknown[] = [];
  const onError = (error: unknown): unknown => errors.push(error);
  const relay = createRelay({
    settings: { simulated: true, version: '0.0.0', model: 'claude-sonnet-5', maxTokens: 512 },
    onError,
    ...options,
    log,
    upstream: { baseURL, transport: createNodeTransport(), ...options.upstream },
  });
  const server = await startRelayServer(relay, { port: 0, onError });
  return {
    url: server.url,
    log,
    server,
    relay,
    errors,
    [Symbol.asyncDispose]: async () => {
      await server.close();
      // Readers learn a turn later that their sockets are gone; the next test may have other timers.
      await new Promise(setImmediate);
      await log[Symbol.asyncDispose]();
    },
  };
}
