// assistant-ui's own runtime and transport in a browser, before a relay.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { startSimulator } from 'millrace/simulator';
import { startHeldUpstream } from '../support/held-upstream.ts';
import type { OpenPage } from '../support/open-page.ts';
import { describePages } from '../support/page-suite.ts';
import { noMisdeeds } from '../web/chromium.ts';

describePages('assistant-ui', (openPageOf) => {
  const open = (upstreamUrl: string): Promise<OpenPage> =>
    openPageOf(join(import.meta.dirname, 'assistant-ui'), upstreamUrl);

  async function send(page: Page, text: string): Promise<void> {
    await page.getByRole('textbox', { name: 'Message' }).fill(text);
    await page.getByRole('button', { name: 'Send' }).click();
  }

  /** The answer with this number, once it has this status. */
  const answer = (page: Page, index: number, status: string): Locator =>
    page
      .locator('article.assistant')
      .nth(index)
      .and(page.locator(`[data-status=${status}]`));

  test('gets text, thinking, tools and citations, and sends them back', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    await using opened = await open(simulator.url);
    const { page, misdeeds } = opened;
    await send(page, 'think, echo aloud');
    await answer(page, 0, 'complete').waitFor();
    assert.ok(((await page.locator('p.reasoning').textContent()) ?? '').length > 0);
    await send(page, 'web search for mills');
    await answer(page, 1, 'complete').waitFor();
    assert.equal(await page.locator('p.tool-call').first().textContent(), 'web_search');
    assert.ok((await page.locator('p.source').count()) > 0);
    await send(page, 'echo And further');
    await answer(page, 2, 'complete').waitFor();
    assert.equal(await answer(page, 2, 'complete').locator('p.text').textContent(), 'And further');
    assert.equal(simulator.requests.length, 3);
    const turns = simulator.requests[2]?.params?.messages.map(({ role }) => role);
    assert.deepEqual(turns, ['user', 'assistant', 'user', 'assistant', 'user']);
    assert.deepEqual(misdeeds, noMisdeeds);
  });

  test('shows what came of an answer that failed, and that it did', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    await using opened = await open(simulator.url);
    const { page } = opened;
    await send(page, '/fault status 400 message=Nothing');
    await answer(page, 0, 'incomplete')
      .getByText(/Nothing/)
      .waitFor();
    assert.equal(simulator.requests[0]?.status, 400);
  });

  test('takes an answer up again after a reload', async () => {
    await using upstream = await startHeldUpstream();
    await using opened = await open(upstream.server.url);
    const { page } = opened;
    await send(page, 'x');
    await answer(page, 0, 'running').getByText('Half', { exact: true }).waitFor();
    await page.reload();
    await answer(page, 0, 'running').getByText('Half', { exact: true }).waitFor();
    upstream.goOn();
    await answer(page, 0, 'complete').getByText('Half and half', { exact: true }).waitFor();
    assert.equal(upstream.server.requests.length, 1);
  });
});
