// An application with routes of its own, and a relay below `/claude`: its users call the Messages API and share
// streams there, each their own, while the key for upstream stays here.

import { Hono } from 'hono';
import { createFetchTransport } from 'millrace/client';
import { createFetchHandler, createRelay } from 'millrace/relay';
import { MemoryStreamLog } from 'millrace/storage';

export interface AppOptions {
  /** Address of the Messages API. */
  upstreamUrl: string;
  apiKey: string;
  /** The application's users by the token each of them sends. */
  users: ReadonlyMap<string, string>;
}

export interface App {
  fetch: (request: Request) => Promise<Response>;
  close: () => Promise<void>;
}

export async function createApp({ upstreamUrl, apiKey, users }: AppOptions): Promise<App> {
  await using cleanup = new AsyncDisposableStack();
  const log = cleanup.use(new MemoryStreamLog());
  const relay = createRelay({
    upstream: { baseURL: upstreamUrl, apiKey, transport: createFetchTransport() },
    log,
    settings: { simulated: false, version: '1.0.0', model: 'claude-sonnet-5', maxTokens: 4096 },
  });
  await relay.start();
  cleanup.defer(() => relay.close());

  const app = new Hono();
  app.get('/', (context) => context.text('Ask at /claude/v1/messages'));
  app.mount(
    '/claude',
    createFetchHandler(relay, {
      ownerOf: ({ headers }) =>
        users.get(headers.get('x-api-key') ?? headers.get('authorization')?.replace('Bearer ', '') ?? ''),
    }),
  );
  const resources = cleanup.move();
  return { fetch: async (request) => app.fetch(request), close: () => resources.disposeAsync() };
}
