// The app on a port, as Bun (`bun serve.ts`) and Deno (`deno serve --allow-net --allow-env serve.ts`) start it.

import { createApp } from './app.ts';

const app = await createApp({
  upstreamUrl: process.env['UPSTREAM_URL'] ?? 'https://api.anthropic.com',
  apiKey: process.env['ANTHROPIC_API_KEY'] ?? '',
  users: new Map([['token-of-anna', 'anna']]),
});

// Bun closes a connection that is silent for ten seconds if nobody tells it not to.
export default {
  port: Number(process.env['PORT'] ?? 8790),
  hostname: '127.0.0.1',
  idleTimeout: 0,
  fetch: app.fetch,
};
