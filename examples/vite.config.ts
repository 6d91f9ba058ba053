// Serves one of these pages, and passes what it asks of the relay on: page and relay have one address, as they must.
// The relay is `millrace serve`, or what RELAY_URL names.

import type { UserConfig } from 'vite';

const relay = { target: process.env['RELAY_URL'] ?? 'http://127.0.0.1:8787', changeOrigin: false };

const config: UserConfig = {
  appType: 'mpa',
  server: { proxy: { '/api/chat': relay, '/chat/stream': relay, '/streams': relay } },
  clearScreen: false,
};

export default config;
