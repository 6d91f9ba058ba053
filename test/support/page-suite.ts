// Tests of pages that vite serves in front of a relay, in one browser.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe } from 'node:test';
import type { Browser } from 'playwright-core';
import { launchChromium } from '../web/chromium.ts';
import { openPageBefore } from './open-page.ts';
import type { OpenPage } from './open-page.ts';
import { browserSkip } from './requirements.ts';

/** Opens the page of this folder in front of a relay, whose upstream is at this address. */
export type OpenPageOf = (root: string, upstreamUrl: string) => Promise<OpenPage>;

/** A suite whose tests open pages. */
export function describePages(name: string, suite: (openPage: OpenPageOf) => void): void {
  describe(name, { skip: browserSkip() }, () => {
    let browser: Browser;
    let cacheDir: string;

    before(async () => {
      cacheDir = mkdtempSync(join(tmpdir(), 'millrace-vite-'));
      browser = await launchChromium();
    });

    after(async () => {
      await browser?.close();
      rmSync(cacheDir, { recursive: true });
    });

    suite((root, upstreamUrl) => openPageBefore(upstreamUrl, { browser, cacheDir, root }));
  });
}
