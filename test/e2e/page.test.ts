import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { startProgram } from '../support/program.ts';
import { browserSkip } from '../support/requirements.ts';
import { launchChromium, noMisdeeds, watchPage } from '../web/chromium.ts';
import type { Misdeeds } from '../web/chromium.ts';

describe('The page of `millrace serve`', { skip: browserSkip() }, () => {
  let program: Awaited<ReturnType<typeof startProgram>>;
  let browser: Browser;
  let page: Page;
  let misdeeds: Misdeeds;

  before(async () => {
    program = await startProgram(['serve', '--port', '0']);
    browser = await launchChromium();
    page = await browser.newPage();
    page.setDefaultTimeout(20_000);
    misdeeds = watchPage(page, program.url);
    await page.goto(program.url);
  });

  after(async () => {
    await browser?.close();
    program?.signal('SIGTERM');
    await program?.ended;
  });

  const latest = () => page.locator('article.answer').last();

  async function ask(text: string): Promise<void> {
    const count = await page.locator('article.answer').count();
    const field = page.getByRole('textbox', { name: 'Message' });
    await field.fill(text);
    await field.press('Enter');
    await page.locator('article.answer').nth(count).waitFor();
  }

  /** The text of the last answer as the relay has it in its log. */
  async function loggedText(): Promise<string> {
    return page.evaluate(async () => {
      const saved = JSON.parse(sessionStorage.getItem('millrace.chat') ?? '{}') as {
        turns: { streamId?: string }[];
      };
      const response = await fetch(`/streams/${saved.turns.at(-1)?.streamId ?? ''}`);
      const { message } = (await response.json()) as { message: { content: { text?: string }[] } };
      return message.content.map(({ text }) => text ?? '').join('\n\n');
    });
  }

  async function untilDone(): Promise<void> {
    await page.locator('[role=log][aria-busy=false]').waitFor();
    await page.getByRole('status').filter({ hasText: 'Response complete' }).waitFor();
    await latest().locator('.answer-footer').waitFor();
  }

  test('The page says that the built-in simulator answers', async () => {
    await page.getByRole('note').getByText('ANTHROPIC_API_KEY').waitFor();
  });

  test('The page renders an answer in markdown: heading, code and table', async () => {
    await ask('Show me markdown with code and a table');
    await untilDone();
    await latest().getByText('More in the').waitFor();
    assert.equal(
      await latest().locator('.prose').getByRole('heading').first().textContent(),
      'A water mill in one page',
    );
    assert.ok((await latest().getByRole('row').count()) >= 4);
    const logged = await loggedText();
    const code = /```ts\n([\s\S]*?)\n```/.exec(logged)?.[1];
    assert.ok(code !== undefined);
    assert.equal(await latest().locator('.code code').first().textContent(), code);
    const usage = await latest().getByRole('list', { name: 'Usage' }).textContent();
    assert.match(usage ?? '', /tokens in.*out.*end_turn.*first token.*tokens\/s/);
  });

  test('The page shows every word of the answer', async () => {
    await ask('echo One plain line, with ü, 水 and 🎡 in it.');
    await untilDone();
    await latest().getByText('One plain line, with ü, 水 and 🎡 in it.', { exact: true }).waitFor();
    assert.equal(await latest().locator('.prose').textContent(), await loggedText());
  });

  test('The page stops an answer, keeps what has come, and goes on from there', async () => {
    await ask('long 3000');
    await page.waitForFunction(
      () => (document.querySelectorAll('article.answer')[2]?.textContent.length ?? 0) > 300,
    );
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('status').filter({ hasText: 'Stopped' }).waitFor();
    await latest().getByText('Stopped', { exact: true }).waitFor();
    assert.ok(((await latest().locator('.prose').textContent()) ?? '').length > 300);
    const logged = await loggedText();
    assert.ok(logged.length > 300 && logged.length < 10_000, 'the relay has stopped too');
    await ask('echo and further');
    await untilDone();
    await latest().getByText('and further', { exact: true }).waitFor();
  });

  test('The page takes a running answer up again after a reload', async () => {
    await ask('long 200');
    await page.waitForFunction(() => {
      const last = [...document.querySelectorAll('article.answer .prose')].at(-1);
      return last?.classList.contains('live') === true && last.textContent.length > 50;
    });
    await page.reload();
    await untilDone();
    const logged = await loggedText();
    const lastWords = logged.slice(-20).replaceAll(/[*`]/g, '');
    await latest().getByText(lastWords).last().waitFor();
    assert.equal(await page.locator('article.answer').count(), 5);
  });

  test('The page thinks and calls tools in view', async () => {
    await ask('think and call a tool');
    await untilDone();
    await latest()
      .getByText(/^Thought for \d+ s$/)
      .waitFor();
    await latest().getByText('get_weather').waitFor();
  });

  test('The page asked nobody else, and broke nothing', () => {
    assert.deepEqual(misdeeds, noMisdeeds);
  });
});
