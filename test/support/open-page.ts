// A page served by vite in front of a relay, in a browser, with the configuration of the examples.

import type { Server } from 'node:http';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { createServer } from 'vite';
import { watchPage } from '../web/chromium.ts';
import type { Misdeeds } from '../web/chromium.ts';
import { startTestRelay } from './relay.ts';

export interface OpenPage extends AsyncDisposable {
  readonly page: Page;
  /** As a network does that goes away. */
  readonly breakConnections: () => void;
  readonly misdeeds: Misdeeds;
}

export interface OpenPageOptions {
  readonly browser: Browser;
  readonly root: string;
  /** For what vite makes of dependencies. */
  readonly cacheDir: string;
}

const configFile = join(import.meta.dirname, '../../examples/vite.config.ts');

export async function openPageBefore(
  upstreamUrl: string,
  { browser, root, cacheDir }: OpenPageOptions,
): Promise<OpenPage> {
  const relay = await startTestRelay(upstreamUrl);
  process.env['RELAY_URL'] = relay.url;
  const server = await createServer({
    root,
    configFile,
    cacheDir,
    logLevel: 'error',
    // Nothing reloads the page but the test.
    server: { port: 0, host: '127.0.0.1', hmr: false, ws: false },
  });
  await server.listen();
  const url = server.resolvedUrls?.local[0] ?? '';
  const page = await browser.newPage();
  page.setDefaultTimeout(15_000);
  const misdeeds = watchPage(page, url.slice(0, -1));
  await page.goto(url);
  return {
    page,
    breakConnections: () => (server.httpServer as Server | null)?.closeAllConnections(),
    misdeeds,
    [Symbol.asyncDispose]: async () => {
      await page.close();
      await server.close();
      await relay[Symbol.asyncDispose]();
    },
  };
}
