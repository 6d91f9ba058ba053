// A Chromium for the tests of the page, and what they want to know of what a page did.

import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';

export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env['MILLRACE_CHROMIUM'] ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  });
}

/** Everything a page did that it should not, as it happens. */
export interface Misdeeds {
  readonly console: string[];
  readonly errors: string[];
  readonly dialogs: string[];
  readonly foreignRequests: string[];
}

/** Watches a page that belongs to `origin`. */
export function watchPage(page: Page, origin: string): Misdeeds {
  const misdeeds: Misdeeds = { console: [], errors: [], dialogs: [], foreignRequests: [] };
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') misdeeds.console.push(message.text());
  });
  page.on('pageerror', (error) => misdeeds.errors.push(String(error.stack ?? error)));
  page.on('dialog', (dialog) => {
    misdeeds.dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`) && !url.startsWith('blob:')) misdeeds.foreignRequests.push(url);
  });
  return misdeeds;
}

export const noMisdeeds: Misdeeds = { console: [], errors: [], dialogs: [], foreignRequests: [] };
