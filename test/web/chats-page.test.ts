// The list of chats, and signing in, on the built page in Chromium, served by a real relay.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import type { AccessOptions, Asset } from 'millrace/relay';
import { startSimulator } from 'millrace/simulator';
import { startTestRelay } from '../support/relay.ts';
import type { TestRelay } from '../support/relay.ts';
import { browserSkip } from '../support/requirements.ts';
import { ann, bob } from '../relay/security/keyed-relay.ts';
import { buildChatPage } from './built-page.ts';
import { launchChromium, noMisdeeds, watchPage } from './chromium.ts';
import type { Misdeeds } from './chromium.ts';

/** Where pictures of the page are put, for who wants to look at it. */
const pictures = process.env['PAGE_PICTURES'];

const types: Readonly<Record<string, string>> = { css: 'text/css', html: 'text/html', svg: 'image/svg+xml' };

interface Setup {
  readonly page: Page;
  readonly relay: TestRelay;
  readonly misdeeds: Misdeeds;
}

describe('The chat page before a relay', { skip: browserSkip() }, () => {
  let assets: ReadonlyMap<string, Asset>;
  let browser: Browser;
  let context: BrowserContext | undefined;
  let cleanUp = new AsyncDisposableStack();

  before(async () => {
    const files = [...(await buildChatPage())].map(([name, file]): [string, Asset] => {
      const type = types[name.split('.').at(-1) ?? ''] ?? 'text/javascript';
      return [`/${name}`, { contentType: `${type}; charset=utf-8`, body: Buffer.from(file) }];
    });
    assets = new Map(files);
    browser = await launchChromium();
  });

  afterEach(async () => {
    await context?.close();
    await cleanUp.disposeAsync();
    cleanUp = new AsyncDisposableStack();
  });

  after(async () => {
    await browser?.close();
  });

  async function open(access?: AccessOptions): Promise<Setup> {
    const simulator = cleanUp.use(await startSimulator({ speed: 0 }));
    const relay = cleanUp.use(
      await startTestRelay(simulator.url, { assets, ...(access && { access }), upstream: { apiKey: 'k' } }),
    );
    context = await browser.newContext({ viewport: { width: 900, height: 700 } });
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    const misdeeds = watchPage(page, relay.url);
    await page.goto(relay.url);
    return { page, relay, misdeeds };
  }

  async function say(page: Page, text: string): Promise<void> {
    const count = await page.locator('article.answer').count();
    const field = page.getByRole('textbox', { name: 'Message' });
    await field.fill(text);
    await field.press('Enter');
    await page.locator('article.answer').nth(count).locator('.answer-footer').waitFor();
  }

  async function startNew(page: Page): Promise<void> {
    await button(page, 'New chat').click();
    await page.getByText('What should flow?').waitFor();
  }

  const panel = (page: Page): Locator => page.getByRole('dialog', { name: 'Chats' });
  const button = (place: Locator | Page, name: string | RegExp): Locator =>
    place.getByRole('button', { name, exact: typeof name === 'string' });

  async function titlesOf(page: Page): Promise<string[]> {
    await panel(page).getByRole('listitem').first().waitFor();
    return panel(page).locator('.chats-title').allTextContents();
  }

  test('The page lists what was asked, opens a chat with all its turns, and goes on behind them', async () => {
    const { page, relay, misdeeds } = await open();
    await button(page, 'Chats').click();
    await panel(page).getByText('There are none yet').waitFor();
    await page.keyboard.press('Escape');
    await panel(page).waitFor({ state: 'hidden' });
    await say(page, 'echo one');
    await say(page, 'echo two');
    await startNew(page);
    await say(page, 'echo other');
    await button(page, 'Chats').click();
    assert.deepEqual(await titlesOf(page), ['echo other', 'echo one']);
    assert.equal(await panel(page).locator('[aria-current=true] .chats-title').textContent(), 'echo other');
    await button(panel(page), /^echo one/).click();
    await panel(page).waitFor({ state: 'hidden' });
    await page.locator('article.answer').nth(1).getByText('two', { exact: true }).waitFor();
    assert.deepEqual(await page.locator('.question-text, article.answer .prose').allTextContents(), [
      'echo one',
      'one',
      'echo two',
      'two',
    ]);
    assert.equal(await page.getByRole('textbox', { name: 'Message' }).evaluate(isFocused), true);
    await page.reload();
    await page.locator('article.answer').nth(1).waitFor();
    await say(page, 'echo three');
    const { conversations } = (await (await fetch(`${relay.url}/conversations`)).json()) as {
      conversations: { id: string; title: string }[];
    };
    assert.deepEqual(
      conversations.map(({ title }) => title),
      ['echo one', 'echo other'],
    );
    const kept = await (await fetch(`${relay.url}/conversations/${conversations[0]?.id}`)).json();
    assert.equal((kept as { turns: unknown[] }).turns.length, 6);
    assert.deepEqual(misdeeds, noMisdeeds);
  });

  test('The page renames and deletes chats by the keyboard alone, and asks before it deletes', async () => {
    const { page, relay, misdeeds } = await open();
    await say(page, 'echo one');
    await startNew(page);
    await say(page, 'echo two');
    await button(page, 'Chats').focus();
    await page.keyboard.press('Enter');
    assert.deepEqual(await titlesOf(page), ['echo two', 'echo one']);
    await button(panel(page), 'Rename “echo one”').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('textbox', { name: 'New title' }).waitFor();
    await page.keyboard.press('Escape');
    await button(panel(page), 'Rename “echo one”').and(page.locator(':focus')).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('textbox', { name: 'New title' }).and(page.locator(':focus')).waitFor();
    await page.keyboard.type('The <b>first</b>');
    await page.keyboard.press('Enter');
    await panel(page).getByText('The <b>first</b>').waitFor();
    await panel(page).getByRole('status').filter({ hasText: 'Renamed' }).waitFor();
    await button(panel(page), 'Rename “The <b>first</b>”').and(page.locator(':focus')).waitFor();

    await button(panel(page), 'Delete “echo two”').focus();
    await page.keyboard.press('Enter');
    await panel(page).getByText('Delete “echo two” and its answers?').waitFor();
    // Enter deletes nothing.
    await button(panel(page), 'Keep').and(page.locator(':focus')).waitFor();
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Enter');
    await panel(page).getByRole('status').filter({ hasText: 'Deleted' }).waitFor();
    assert.deepEqual(await titlesOf(page), ['The <b>first</b>']);
    await page.keyboard.press('Escape');
    await page.getByText('What should flow?').waitFor();
    assert.deepEqual(
      (
        (await (await fetch(`${relay.url}/conversations`)).json()) as { conversations: { title: string }[] }
      ).conversations.map(({ title }) => title),
      ['The <b>first</b>'],
    );
    assert.deepEqual(misdeeds, noMisdeeds);
  });

  test('The page shows more chats when asked, and says when the relay does not give them', async () => {
    const { page, relay } = await open();
    await say(page, 'echo one');
    for (let count = 0; count < 31; count += 1)
      await fetch(`${relay.url}/streams`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
        body: JSON.stringify({ conversation: `c${count}`, messages: [{ role: 'user', content: 'echo x' }] }),
      }).then((response) => response.text());
    await button(page, 'Chats').click();
    assert.equal((await titlesOf(page)).length, 30);
    await button(panel(page), 'Show more').click();
    await panel(page).getByText('echo one').waitFor();
    assert.equal((await titlesOf(page)).length, 32);
    assert.equal(await button(panel(page), 'Show more').count(), 0);
    await relay.server.close();
    await button(panel(page), 'Delete “echo one”').click();
    await button(panel(page), 'Delete').click();
    await panel(page).getByRole('alert').waitFor();
    assert.equal((await titlesOf(page)).length, 32);
  });

  test('The page signs in with a relay key, forgets at signing out, and shows nobody another one’s chats', async () => {
    const { page, relay, misdeeds } = await open({ keys: [ann, bob] });
    const key = page.getByLabel('Relay key');
    await key.waitFor();
    assert.equal(await key.evaluate(isFocused), true);
    assert.equal(await key.getAttribute('type'), 'password');
    assert.equal(await page.getByRole('textbox', { name: 'Message' }).count(), 0);
    await key.fill('none of them');
    await key.press('Enter');
    await page.getByRole('alert').getByText('none of this relay’s keys').waitFor();
    await key.fill(ann.secret);
    await button(page, 'Sign in').click();
    await say(page, 'echo secret of ann');
    const stored = await page.evaluate(() => JSON.stringify([sessionStorage, localStorage, document.cookie]));
    assert.ok(!stored.includes(ann.secret) && !stored.includes('millrace_session'), 'no script can read it');
    await page.reload();
    await page.getByText('echo secret of ann').waitFor();
    await button(page, 'Chats').click();
    assert.deepEqual(await titlesOf(page), ['echo secret of ann']);
    await panel(page).getByText('Signed in as ann').waitFor();
    await button(panel(page), 'Sign out').click();
    await key.waitFor();
    assert.equal(await page.getByText('secret of ann').count(), 0);
    assert.ok(!(await page.evaluate(() => JSON.stringify(sessionStorage))).includes('secret of ann'));

    await key.fill(bob.secret);
    await key.press('Enter');
    await button(page, 'Chats').click();
    await panel(page).getByText('There are none yet').waitFor();
    // The browser itself tells of the 401.
    assert.deepEqual({ ...misdeeds, console: [] }, noMisdeeds);
    assert.deepEqual(relay.errors, []);
  });

  test('A page whose session ends asks for the key and goes on; one of somebody else begins anew', async () => {
    const { page } = await open({ keys: [ann, bob] });
    const signIn = async (secret: string): Promise<void> => {
      await page.getByLabel('Relay key').fill(secret);
      await page.getByLabel('Relay key').press('Enter');
      await page.getByRole('textbox', { name: 'Message' }).waitFor();
    };
    await signIn(ann.secret);
    await say(page, 'echo of ann');
    await context?.clearCookies();
    const field = page.getByRole('textbox', { name: 'Message' });
    await field.fill('echo further');
    await field.press('Enter');
    await signIn(ann.secret);
    await button(page, 'Try again').click();
    await page.getByText('further', { exact: true }).waitFor();
    assert.equal(await page.getByText('echo of ann').count(), 1);
    await context?.clearCookies();
    await page.reload();
    await signIn(bob.secret);
    await page.getByText('What should flow?').waitFor();
    assert.equal(await page.getByText('of ann').count(), 0);
  });

  test('The page says that no page can sign in where the relay has no sessions', async () => {
    const { page } = await open({ keys: [ann], session: false });
    await page.getByLabel('Relay key').fill(ann.secret);
    await page.getByLabel('Relay key').press('Enter');
    await page.getByRole('alert').getByText('lets no page sign in').waitFor();
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [1200, 390]) {
      test(`The list and the sign-in fit a page of ${width} pixels, ${colorScheme}`, async () => {
        const { page } = await open({ keys: [ann] });
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 760 });
        const picture = async (name: string): Promise<void> => {
          const overflow = await page.evaluate(() =>
            [
              document.documentElement,
              ...document.querySelectorAll('main, header, dialog, .chats-body, li'),
            ].map(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth),
          );
          assert.deepEqual([...new Set(overflow)], [0], name);
          if (pictures === undefined) return;
          mkdirSync(pictures, { recursive: true });
          await page.screenshot({ path: join(pictures, `${name}-${width}-${colorScheme}.png`) });
        };
        await page.getByLabel('Relay key').fill('wrong');
        await page.getByLabel('Relay key').press('Enter');
        await page.getByRole('alert').getByText('none').waitFor();
        await picture('sign-in');
        await page.getByLabel('Relay key').fill(ann.secret);
        await page.getByLabel('Relay key').press('Enter');
        await say(page, `echo ${'a rather long question that goes on '.repeat(4)}`);
        await startNew(page);
        await say(page, 'echo short');
        await picture('chat');
        await button(page, 'Chats').click();
        await titlesOf(page);
        await picture('list');
        await button(panel(page), 'Rename “echo short”').click();
        await button(panel(page), /^Delete “echo a/).click();
        await picture('changes');
        const small = await panel(page)
          .getByRole('button')
          .evaluateAll((buttons) =>
            buttons
              .filter((each) => each.getBoundingClientRect().height < 24)
              .map(({ textContent }) => textContent),
          );
        assert.deepEqual(small, [], 'a finger finds them');
      });
    }
  }
});

function isFocused(element: Element): boolean {
  return element === document.activeElement;
}
