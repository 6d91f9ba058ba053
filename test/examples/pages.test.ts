// The example pages in a browser, served as their README says, before a relay whose upstream says what a test wants.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Page } from 'playwright-core';
import { startSimulator } from 'millrace/simulator';
import { startHeldUpstream } from '../support/held-upstream.ts';
import type { OpenPage } from '../support/open-page.ts';
import { describePages } from '../support/page-suite.ts';
import { noMisdeeds } from '../web/chromium.ts';

const examples = join(import.meta.dirname, '../../examples');

describePages('An example page', (openPageOf) => {
  const openPage = (name: string, upstreamUrl: string): Promise<OpenPage> =>
    openPageOf(join(examples, name), upstreamUrl);

  async function send(page: Page, text: string): Promise<void> {
    const field = page.getByRole('textbox', { name: 'Message' });
    await field.fill(text);
    await field.press('Enter');
  }

  test('plain-page shows an answer with its line breaks, and says what it took', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    await using open = await openPage('plain-page', simulator.url);
    const { page, misdeeds } = open;
    await send(page, 'echo One\\n\n<b>two</b> 水');
    await page.getByText(/^Done: [0-9]+ tokens$/).waitFor();
    // The field of a form takes a line break for a space.
    assert.equal(await page.locator('pre').textContent(), 'One\\n <b>two</b> 水');
    await send(page, 'markdown');
    await page.getByText(/^Done: [0-9]+ tokens$/).waitFor();
    assert.match((await page.locator('pre').textContent()) ?? '', /\n\n.*\n/);
    await send(page, '/fault status 400 message=Nothing');
    await page.getByText(/^Nothing$/).waitFor();
    // The browser itself tells of the 400.
    assert.deepEqual({ ...misdeeds, console: [] }, noMisdeeds);
  });

  test('plain-page stops an answer, and goes on with one whose connection broke', async () => {
    await using upstream = await startHeldUpstream();
    await using open = await openPage('plain-page', upstream.server.url);
    const { page } = open;
    const text = page.locator('pre').filter({ hasText: /^Half$/ });
    await send(page, 'x');
    await text.waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByText('Stopped', { exact: true }).waitFor();
    await send(page, 'y');
    await text.waitFor();
    const again = page.waitForRequest(/\?format=text$/);
    open.breakConnections();
    await again;
    upstream.goOn();
    await page.getByText(/^Done/).waitFor();
    assert.equal(await page.locator('pre').textContent(), 'Half and half');
  });

  test('use-chat shows an answer, its sources and its thinking, and goes on with the conversation', async () => {
    await using simulator = await startSimulator({ speed: 0 });
    await using open = await openPage('use-chat', simulator.url);
    const { page, misdeeds } = open;
    const answers = page.locator('article.assistant');
    await send(page, 'think, echo aloud');
    await page.getByText('Thought', { exact: true }).waitFor();
    await page.locator('[role=log][aria-busy=false]').waitFor();
    await send(page, 'web search for mills');
    await answers.nth(1).getByRole('link').first().waitFor();
    await page.locator('[role=log][aria-busy=false]').waitFor();
    assert.equal(simulator.requests.length, 2);
    assert.equal(simulator.requests[1]?.params?.messages.length, 3);
    await send(page, '/fault status 400 message=Nothing');
    await page.getByRole('alert').getByText('Nothing').waitFor();
    assert.deepEqual({ ...misdeeds, console: [] }, noMisdeeds);
  });

  test('use-chat stops an answer for good, and takes one up again after a reload', async () => {
    await using upstream = await startHeldUpstream();
    await using open = await openPage('use-chat', upstream.server.url);
    const { page } = open;
    const latest = page.locator('article.assistant').last();
    await send(page, 'x');
    await latest.getByText('Half', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await latest.getByText('Stopped', { exact: true }).waitFor();
    await upstream.server.clientLeft(0);
    await send(page, 'y');
    await page.locator('article.assistant').nth(1).getByText('Half', { exact: true }).waitFor();
    const again = page.waitForRequest(/\/streams\/.+format=ui&v=7$/);
    open.breakConnections();
    await again;
    assert.equal(await page.getByRole('alert').count(), 0);
    await page.reload();
    await page.locator('article.assistant').nth(1).getByText('Half', { exact: true }).waitFor();
    upstream.goOn();
    await latest.getByText('Half and half', { exact: true }).waitFor();
    await page.locator('[role=log][aria-busy=false]').waitFor();
    const texts = await page.locator('article').allTextContents();
    assert.deepEqual(texts, ['x', 'HalfStopped', 'y', 'Half and half']);
  });
});
