// Tabs of one browser that read streams all at once, over HTTP/1.1: a browser has six connections for them all.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { startSimulator, VirtualClock } from 'millrace/simulator';
import { startH2Front } from '../support/h2-front.ts';
import { OpenStreams } from '../support/open-streams.ts';
import { startTestRelay } from '../support/relay.ts';
import type { TestRelay } from '../support/relay.ts';
import { browserSkip } from '../support/requirements.ts';
import { buildChatPage, toAssets } from '../web/built-page.ts';
import type { BuiltFiles } from '../web/built-page.ts';
import { launchChromium, noMisdeeds, watchPage } from '../web/chromium.ts';
import type { Misdeeds } from '../web/chromium.ts';

/** Chromium calls every page visible that it is driven with. */
function pretendVisibility(): void {
  let isVisible = true;
  Object.defineProperty(Document.prototype, 'visibilityState', {
    get: () => (isVisible ? 'visible' : 'hidden'),
  });
  Object.assign(window, {
    pretend: (wanted: boolean) => {
      isVisible = wanted;
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
    },
  });
}

class Tab {
  readonly page: Page;
  readonly misdeeds: Misdeeds;
  readonly question: string;

  constructor(page: Page, { origin, number }: { origin: string; number: number }) {
    this.page = page;
    this.misdeeds = watchPage(page, origin);
    this.question = Array.from({ length: 800 }, (_, index) => `${number}.${index}`).join(' ');
  }

  async ask(): Promise<void> {
    const field = this.page.getByRole('textbox', { name: 'Message' });
    await field.fill(`echo ${this.question}`);
    await field.press('Enter');
    await this.page.locator('article.answer').waitFor();
  }

  async show(isVisible: boolean): Promise<void> {
    await this.page.evaluate((wanted) => {
      (window as unknown as { pretend(isVisible: boolean): void }).pretend(wanted);
    }, isVisible);
  }

  text(): Promise<string> {
    return this.page.evaluate(() => document.querySelector('article.answer .prose')?.textContent ?? '');
  }

  /** Waits until the page shows more than so many characters of its answer. */
  async untilLonger(characters: number): Promise<void> {
    await this.page.waitForFunction(
      (least) => (document.querySelector('article.answer .prose')?.textContent.length ?? 0) > least,
      characters,
    );
  }

  async untilEnd(status: string): Promise<void> {
    await this.page.getByRole('status').filter({ hasText: status }).waitFor();
  }

  async stop(): Promise<void> {
    await this.page.getByRole('button', { name: 'Stop' }).click();
    await this.untilEnd('Stopped');
  }

  /** What the page shows of an answer that has ended is what the relay has in its log. Gives that text. */
  async assertWhole(): Promise<string> {
    const logged = await this.#loggedText();
    // Drawing takes a moment longer.
    await this.untilLonger(logged.length - 1);
    assert.equal(await this.text(), logged);
    return logged;
  }

  #loggedText(): Promise<string> {
    return this.page.evaluate(async () => {
      const saved = JSON.parse(sessionStorage.getItem('millrace.chat') ?? '{}') as {
        turns: { streamId?: string }[];
      };
      const response = await fetch(`/streams/${saved.turns.at(-1)?.streamId ?? ''}`);
      const { message } = (await response.json()) as { message: { content: { text?: string }[] } };
      return message.content.map(({ text }) => text ?? '').join('\n\n');
    });
  }
}

describe('Seven tabs of the page that all stream', { skip: browserSkip() }, () => {
  let files: BuiltFiles;
  let browser: Browser;
  let clock: VirtualClock;
  let simulator: Awaited<ReturnType<typeof startSimulator>>;
  let relay: TestRelay;
  let context: BrowserContext;
  let streams: OpenStreams;
  let tabs: Tab[];

  before(async () => {
    files = await buildChatPage();
    browser = await launchChromium();
  });

  after(async () => {
    await browser?.close();
  });

  beforeEach(async () => {
    clock = new VirtualClock();
    simulator = await startSimulator({ clock, pace: { firstByteMs: 100, tokensPerSecond: 80 } });
    const settings = { simulated: true, version: '0.0.0', model: 'claude-sonnet-5', maxTokens: 64_000 };
    relay = await startTestRelay(simulator.url, { assets: toAssets(files), settings });
    streams = new OpenStreams(relay.server.port);
    // The certificate of the test is nobody's.
    context = await browser.newContext({ ignoreHTTPSErrors: true });
    await context.addInitScript(pretendVisibility);
    context.setDefaultTimeout(15_000);
    tabs = [];
  });

  afterEach(async () => {
    await context?.close();
    streams?.[Symbol.dispose]();
    await relay?.[Symbol.asyncDispose]();
    await simulator?.[Symbol.asyncDispose]();
  });

  async function openTab(origin: string): Promise<Tab> {
    const page = await context.newPage();
    const tab = new Tab(page, { origin, number: tabs.length + 1 });
    tabs.push(tab);
    await page.goto(origin);
    return tab;
  }

  /** A tab with an answer that has begun. */
  async function openAnswer(origin = relay.url): Promise<Tab> {
    const tab = await openTab(origin);
    await tab.ask();
    // No faster than the page can show it: the answers are to last.
    while ((await tab.text()) === '') {
      await clock.advance(20);
      await tab.page.evaluate(() => new Promise(requestAnimationFrame));
    }
    return tab;
  }

  /** Lets the answers go on a little, and waits until these tabs show more of them than they do. */
  async function untilAllGrow(growing: readonly Tab[]): Promise<void> {
    const lengths = await Promise.all(growing.map(async (tab) => (await tab.text()).length));
    await clock.advance(2000);
    await Promise.all(growing.map((tab, index) => tab.untilLonger(lengths[index] ?? 0)));
  }

  /** Lets all answers come to their ends, and compares what the tabs show with what the relay has. */
  async function untilAllAreWhole(open: readonly Tab[]): Promise<void> {
    await clock.runUntil(Promise.all(open.map((tab) => tab.untilEnd('Response complete'))));
    for (const tab of open) {
      assert.equal(await tab.assertWhole(), tab.question);
    }
    await streams.untilAtMost(0);
  }

  function assertFaultless(): void {
    for (const { misdeeds } of tabs) assert.deepEqual(misdeeds, noMisdeeds);
    assert.deepEqual(relay.errors, []);
  }

  test('One is visible: it streams and stops, and those that are hidden get their whole answers', async () => {
    for (let number = 1; number <= 7; number += 1) {
      await tabs.at(-1)?.show(false);
      await openAnswer();
    }
    const [first, seventh] = [tabs[0]!, tabs[6]!];
    await untilAllGrow([seventh]);
    await streams.untilAtMost(4);
    await seventh.stop();
    const stopped = await seventh.assertWhole();
    assert.ok(seventh.question.startsWith(stopped) && stopped.length < seventh.question.length);

    await seventh.show(false);
    await first.show(true);
    await untilAllGrow([first]);
    await streams.untilAtMost(4);
    await untilAllAreWhole(tabs.slice(0, 6));
    assertFaultless();
  });

  test('All are visible: they take turns, another page loads, and a stop gets through', async () => {
    for (let number = 1; number <= 7; number += 1) await openAnswer();
    const eighth = await openTab(relay.url);
    await eighth.page.getByText('The built-in simulator answers here').waitFor();
    await untilAllGrow(tabs.slice(0, 7));
    await streams.untilAtMost(4);
    await tabs[6]!.stop();
    await tabs[6]!.assertWhole();
    await untilAllAreWhole(tabs.slice(0, 6));
    assertFaultless();
  });

  test('Over HTTP/2 all of them stream at the same time', async () => {
    await using front = await startH2Front(relay.url);
    for (let number = 1; number <= 7; number += 1) await openAnswer(front.origin);
    await untilAllGrow(tabs);
    assert.equal(streams.count, 7);
    await untilAllAreWhole(tabs);
    assertFaultless();
    await context.close();
  });

  test('A tab that dies leaves its place to one that is hidden and waits', async () => {
    for (let number = 1; number <= 5; number += 1) {
      await tabs.at(-1)?.show(false);
      await openAnswer();
    }
    const fifth = tabs.pop()!;
    await fifth.show(false);
    const crashed = fifth.page.waitForEvent('crash');
    await fifth.page.goto('chrome://crash').catch(() => undefined);
    await crashed;
    await untilAllGrow(tabs);
    await untilAllAreWhole(tabs);
    assertFaultless();
  });
});
