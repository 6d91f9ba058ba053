import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { Browser, BrowserContext, Locator, Page } from 'playwright-core';
import { browserSkip } from '../support/requirements.ts';
import { buildChatPage } from './built-page.ts';
import type { BuiltFiles } from './built-page.ts';
import { launchChromium, noMisdeeds, watchPage } from './chromium.ts';
import type { Misdeeds } from './chromium.ts';
import { answerOf, events, simulatedInfo, startStubRelay } from './stub-relay.ts';
import type { StubRelay } from './stub-relay.ts';

describe('The chat page in Chromium', { skip: browserSkip() }, () => {
  let files: BuiltFiles;
  let browser: Browser;
  let relay: StubRelay;
  let context: BrowserContext;
  let page: Page;
  let misdeeds: Misdeeds;

  before(async () => {
    files = await buildChatPage();
    browser = await launchChromium();
  });

  after(async () => {
    await browser?.close();
  });

  beforeEach(async () => {
    relay = await startStubRelay(files);
    context = await browser.newContext({ viewport: { width: 900, height: 700 } });
    page = await context.newPage();
    page.setDefaultTimeout(10_000);
    misdeeds = watchPage(page, relay.origin);
    await page.goto(relay.origin);
  });

  afterEach(async () => {
    await context?.close();
    await relay?.[Symbol.asyncDispose]();
  });

  const field = (): Locator => page.getByRole('textbox', { name: 'Message' });
  const button = (name: string | RegExp): Locator => page.getByRole('button', { name });
  const answer = (index = 0): Locator => page.locator('article.answer').nth(index);
  const status = (text: string | RegExp): Locator => page.getByRole('status').filter({ hasText: text });

  async function send(text: string): Promise<void> {
    await field().fill(text);
    await field().press('Enter');
  }

  test('The page sends a message and shows it at once, then the answer as it comes', async () => {
    await send('How do mills work?');
    // The relay has not said a word.
    await page.getByText('How do mills work?').waitFor();
    await page.getByText('Waiting for the first words…').first().waitFor();
    assert.equal(await page.getByRole('log').getAttribute('aria-busy'), 'true');
    assert.equal(await field().inputValue(), '');
    const asked = await relay.next();
    assert.equal(`${asked.method} ${asked.path}`, 'POST /streams');
    const { conversation, ...request } = asked.body;
    assert.match(String(conversation), /^[0-9a-f]{32}$/);
    assert.deepEqual(request, {
      model: 'claude-test-1',
      max_tokens: 512,
      parent: null,
      messages: [{ role: 'user', content: [{ type: 'text', text: 'How do mills work?' }] }],
    });
    const stream = asked.stream('s1');
    stream.send(events.start, events.textBlock(), events.text('## Water\n\nIt **fal'));
    await answer().getByRole('heading', { name: 'Water' }).waitFor();
    await status('Generating…').waitFor();
    assert.equal(await answer().locator('strong').textContent(), 'fal');
    stream.send(events.text('ls**.'), events.stopBlock(), ...events.end());
    await status('Response complete').waitFor();
    await answer().getByText('It falls.').waitFor();
    assert.equal(await page.getByRole('log').getAttribute('aria-busy'), 'false');
    const usage = await answer().getByRole('list', { name: 'Usage' }).getByRole('listitem').allTextContents();
    assert.deepEqual(usage.slice(0, 2), ['12 tokens in, 34 out', 'end_turn']);
    assert.match(usage[2] ?? '', /^first token \d+\.\d\d s$/);
    assert.match(usage[3] ?? '', /^[\d,]+\.\d tokens\/s$/);
    assert.deepEqual(misdeeds, noMisdeeds);
  });

  test('The page sends what is new in the conversation, with what has not got to the relay', async () => {
    await send('one');
    const first = await relay.next();
    first.stream('s1').send(...answerOf('first answer'));
    await answer(0).getByText('first answer').waitFor();
    await status('Response complete').waitFor();
    await send('two');
    (await relay.next()).refuse(529, { type: 'overloaded_error', message: 'busy' });
    await status('The answer failed').waitFor();
    await send('three');
    const { body } = await relay.next();
    assert.equal(body['conversation'], first.body['conversation']);
    assert.equal(body['parent'], 's1');
    assert.deepEqual(
      body.messages.map(({ role, content }) => [role, content.map(({ text }) => text)]),
      [['user', ['two', 'three']]],
    );
  });

  test('The page sends all that was said to another conversation when the relay has this one no more', async () => {
    await send('one');
    const first = await relay.next();
    first.stream('s1').send(...answerOf('first answer'));
    await status('Response complete').waitFor();
    await send('two');
    const details = { code: 'parent_gone' };
    (await relay.next()).refuse(404, { type: 'not_found_error', message: 'parent: gone', details });
    const again = await relay.next();
    const { body } = again;
    assert.notEqual(body['conversation'], first.body['conversation']);
    assert.equal(body['parent'], null);
    assert.deepEqual(
      body.messages.map(({ role, content }) => [role, content.map(({ text }) => text)]),
      [
        ['user', ['one']],
        ['assistant', ['first answer']],
        ['user', ['two']],
      ],
    );
    again.stream('s2').send(...answerOf('second answer'));
    await answer(1).getByText('second answer').waitFor();
    await send('three');
    assert.equal((await relay.next()).body['parent'], 's2');
  });

  test('The page says when the simulator answers, and only then', async () => {
    await page.getByRole('note').getByText('ANTHROPIC_API_KEY').waitFor();
    await page.getByText('claude-test-1').waitFor();
    relay.info = { ...simulatedInfo, simulated: false };
    await page.reload();
    await page.getByText('claude-test-1').waitFor();
    assert.equal(await page.getByRole('note').count(), 0);
  });

  test('The page survives a dropped connection: nothing is lost and nothing comes twice', async () => {
    await send('go');
    const first = (await relay.next()).stream('s1');
    first.send(events.start, events.textBlock(), events.text('One. '));
    await answer().getByText('One.').waitFor();
    first.drop();
    await status(/Reconnecting/).waitFor();
    const asked = await relay.next();
    assert.equal(`${asked.method} ${asked.path}`, 'GET /streams/s1');
    assert.equal(asked.headers['last-event-id'], '7-3');
    // From one event too early: what the page has it must not take again.
    asked
      .stream('s1', 2)
      .send(events.text('One. '), events.text('Two.'), events.stopBlock(), ...events.end());
    await status('Response complete').waitFor();
    await answer().getByText('One. Two.', { exact: true }).waitFor();
    assert.equal(await answer().locator('.prose').textContent(), 'One. Two.');
  });

  for (const how of ['button', 'Escape'] as const) {
    test(`The page stops the answer by ${how}, keeps the text and says so`, async () => {
      await send('go');
      const stream = (await relay.next()).stream('s1');
      stream.send(events.start, events.textBlock(), events.text('As far as this'));
      await answer().getByText('As far as this').waitFor();
      const stopped = page.waitForResponse(/\/streams\/s1\/stop$/);
      if (how === 'button') await button('Stop').click();
      else await page.keyboard.press('Escape');
      await button('Stopping…').waitFor();
      await stopped;
      assert.deepEqual(relay.stopped, ['s1']);
      stream.send(events.stopped);
      await status('Stopped').waitFor();
      await answer().getByText('Stopped', { exact: true }).waitFor();
      await answer().getByText('As far as this').waitFor();
      assert.equal(await field().evaluate((element) => element === document.activeElement), true);
      await send('and?');
      const { body } = await relay.next();
      assert.deepEqual([body['parent'], body.messages.length], ['s1', 1]);
    });
  }

  test('The page stops an answer that has no id yet as soon as it has one', async () => {
    await send('go');
    const asked = await relay.next();
    await button('Stop').click();
    await button('Stopping…').waitFor();
    assert.deepEqual(relay.stopped, []);
    const stopRequest = page.waitForRequest(/\/stop$/);
    const stream = asked.stream('s1');
    await stopRequest;
    stream.send(events.stopped);
    await status('Stopped').waitFor();
  });

  test('The page says when a stop did not get through, and can be asked again', async () => {
    await send('go');
    const stream = (await relay.next()).stream('s1');
    stream.send(events.start, events.textBlock(), events.text('on and on'));
    await answer().getByText('on and on').waitFor();
    relay.stopStatus = 503;
    await button('Stop').click();
    await answer().getByText('The stop did not reach the relay').waitFor();
    relay.stopStatus = 200;
    await button('Stop').click();
    stream.send(events.stopped);
    await status('Stopped').waitFor();
    assert.equal(await page.getByText('The stop did not reach').count(), 0);
  });

  test('The page shows on the message what was refused, and asks again when told', async () => {
    await send('go');
    const asked = await relay.next();
    asked.refuse(401, { type: 'authentication_error', message: 'invalid x-api-key' });
    await answer().getByText('The API key was not accepted').waitFor();
    await answer().getByText('invalid x-api-key').waitFor();
    await answer().getByText('req_stub').waitFor();
    await status('The answer failed: The API key was not accepted').waitFor();
    await button('Try again').click();
    const again = await relay.next();
    assert.deepEqual(again.body, asked.body);
    assert.notEqual(again.headers['idempotency-key'], asked.headers['idempotency-key']);
    again.stream('s2').send(...answerOf('Now it works.'));
    await answer().getByText('Now it works.').waitFor();
    assert.equal(await page.locator('article.answer').count(), 1);
  });

  test('The page counts down to when a retry is of use', async () => {
    await send('go');
    (await relay.next()).refuse(
      429,
      { type: 'rate_limit_error', message: 'slow down' },
      { 'retry-after': '2' },
    );
    await button(/^Try again in \d s$/).waitFor();
    assert.equal(await button(/Try again/).isDisabled(), true);
    await button('Try again').and(page.locator(':enabled')).click();
    (await relay.next()).stream('s2').send(...answerOf('after all'));
    await answer().getByText('after all').waitFor();
  });

  test('The page keeps the text in front of an error, and offers to try again', async () => {
    await send('go');
    const error = { type: 'overloaded_error', message: 'Overloaded' } as const;
    const stream = (await relay.next()).stream('s1');
    stream.send(events.start, events.textBlock(), events.text('The beginning'), { type: 'error', error });
    await answer().getByText('The beginning').waitFor();
    await answer().getByText('The API is overloaded for now').waitFor();
    await button('Try again').waitFor();
    await button('Copy message').waitFor();
  });

  test('The page reaches a relay that comes back, with the same request', async () => {
    await send('go');
    const asked = await relay.next();
    asked.drop();
    const again = await relay.next();
    assert.equal(again.headers['idempotency-key'], asked.headers['idempotency-key']);
    again.stream('s1').send(...answerOf('here I am'));
    await answer().getByText('here I am').waitFor();
  });

  test('The page says plainly that an answer was cut off or declined', async () => {
    await send('one');
    (await relay.next())
      .stream('s1')
      .send(events.start, events.textBlock(), events.text('Cut'), ...events.end('max_tokens', 512));
    await answer(0).getByText('the limit of 512 output tokens').waitFor();
    await send('two');
    const details = {
      stop_details: { type: 'refusal', category: 'cyber', explanation: 'It is not allowed.' },
    };
    (await relay.next()).stream('s2').send(events.start, ...events.end('refusal', 3, details));
    await answer(1).getByText('The model declined to answer. It is not allowed.').waitFor();
    await send('three');
    const { body } = await relay.next();
    assert.deepEqual(
      [body['parent'], body.messages.map(({ content }) => content[0]?.text)],
      ['s2', ['three']],
    );
  });

  test('The page keeps thinking closed until it is opened, and then open', async () => {
    await send('go');
    const stream = (await relay.next()).stream('s1');
    stream.send(events.start, events.thinkingBlock(), events.thinking('Let me see. '));
    await answer().getByText('Thinking…').waitFor();
    assert.equal(await page.getByText('Let me see.').count(), 0, 'what is closed is not in the page');
    await answer().getByText('Thinking…').click();
    await page.getByText('Let me see.').waitFor();
    stream.send(events.thinking('Yes.'), events.stopBlock(), events.textBlock(1), events.text('Done.', 1));
    await answer().getByText('Thought for 1 s').waitFor();
    await page.getByText('Let me see. Yes.').waitFor();
    stream.send(events.stopBlock(1), ...events.end());
    await status('Response complete').waitFor();
    await page.getByText('Let me see. Yes.').waitFor();
  });

  test('The page shows a tool call with its input as it grows', async () => {
    await send('go');
    const stream = (await relay.next()).stream('s1');
    stream.send(events.start, events.toolBlock('get_weather'), events.input('{"city": "Lis'));
    await answer().getByText('get_weather').waitFor();
    await answer().getByText('{"city": "Lis', { exact: true }).waitFor();
    stream.send(events.input('bon"}'), events.stopBlock(), ...events.end('tool_use'));
    await answer().getByText('waits for the result of a tool').waitFor();
    assert.equal(await answer().locator('.card-json').textContent(), '{\n  "city": "Lisbon"\n}');
  });

  test('The page takes up a running answer after a reload, and keeps a finished one', async () => {
    await send('go');
    (await relay.next()).stream('s1').send(events.start, events.textBlock(), events.text('Half of '));
    await answer().getByText('Half of').waitFor();
    await page.reload();
    const resumed = await relay.next();
    assert.equal(`${resumed.method} ${resumed.path}`, 'GET /streams/s1');
    assert.equal(resumed.headers['last-event-id'], undefined);
    resumed.stream('s1').send(...answerOf('Half of it and the rest.'));
    await status('Response complete').waitFor();
    await answer().getByText('Half of it and the rest.').waitFor();
    await page.reload();
    await answer().getByText('Half of it and the rest.').waitFor();
    await page.getByText('go', { exact: true }).waitFor();
    assert.equal(await page.getByRole('status').textContent(), '', 'what had happened before is no news');
    await send('next');
    assert.equal((await relay.next()).body['parent'], 's1');
  });

  test('The page asks for an answer again, with the same request, when it was reloaded too early to know its id', async () => {
    await send('go');
    const asked = await relay.next();
    await page.reload();
    const again = await relay.next();
    assert.equal(again.method, 'POST');
    assert.equal(again.headers['idempotency-key'], asked.headers['idempotency-key']);
    assert.deepEqual(again.body, asked.body);
  });

  test('The page says when the relay has an answer no more', async () => {
    await send('go');
    const stream = (await relay.next()).stream('s1');
    stream.send(events.start, events.textBlock(), events.text('The part'));
    await answer().getByText('The part').waitFor();
    stream.drop();
    (await relay.next()).refuse(404, { type: 'not_found_error', message: 'stream: s1' });
    await answer().getByText('The relay does not have this answer any more').waitFor();
    await answer().getByText('The part').waitFor();
    await button('Try again').waitFor();
  });

  test('The page begins a new chat, and stops the answer nobody will read', async () => {
    await send('go');
    (await relay.next()).stream('s1').send(events.start, events.textBlock(), events.text('endless'));
    await answer().getByText('endless').waitFor();
    const stopRequest = page.waitForRequest(/\/streams\/s1\/stop$/);
    await button('New chat').click();
    await stopRequest;
    await page.getByText('What should flow?').waitFor();
    assert.equal(await page.locator('article').count(), 0);
    assert.equal(await button('New chat').isDisabled(), true);
    await page.reload();
    await page.getByText('What should flow?').waitFor();
  });

  test('The page follows the newest text until the reader moves up, and again from the end on', async () => {
    const paragraphs = (count: number): string => 'A paragraph of some words.\n\n'.repeat(count);
    await send('go');
    const stream = (await relay.next()).stream('s1');
    stream.send(events.start, events.textBlock(), events.text(`${paragraphs(40)}Mark one.\n\n`));
    await page.getByText('Mark one.').waitFor();
    const scroller = page.getByRole('main');
    const distance = (): Promise<number> =>
      scroller.evaluate(
        ({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight,
      );
    await page.waitForFunction(() => {
      const main = document.querySelector('main');
      return main !== null && main.scrollHeight - main.scrollTop - main.clientHeight < 2;
    });
    assert.equal(await button('Go to the newest text').isVisible(), false);
    await scroller.hover();
    // However little: it is what the reader wants that counts.
    await page.mouse.wheel(0, -8);
    await button('Go to the newest text').waitFor();
    const held = await scroller.evaluate(({ scrollTop }) => scrollTop);
    stream.send(events.text(`${paragraphs(40)}Mark two.\n\n`));
    await page.getByText('Mark two.').waitFor();
    assert.equal(await scroller.evaluate(({ scrollTop }) => scrollTop), held, 'the text stands still');
    assert.ok((await distance()) > 300);
    await button('Go to the newest text').click();
    await page.waitForFunction(() => {
      const main = document.querySelector('main');
      return main !== null && main.scrollHeight - main.scrollTop - main.clientHeight < 2;
    });
    stream.send(events.text(`${paragraphs(40)}Mark three.\n\n`), events.stopBlock(), ...events.end());
    await status('Response complete').waitFor();
    await page.waitForFunction(() => {
      const main = document.querySelector('main');
      const isAtEnd = main !== null && main.scrollHeight - main.scrollTop - main.clientHeight < 2;
      return (
        isAtEnd &&
        document.querySelector('.answer-footer') !== null &&
        main.textContent.includes('Mark three.')
      );
    });
  });

  test('The page never scrolls sideways, whatever an answer holds', async () => {
    await page.setViewportSize({ width: 320, height: 640 });
    const long = 'x'.repeat(400);
    await send(`${long} https://example.com/${long}`);
    const wide = `${long} \`${long}\` https://example.com/${long}\n\n| ${'a | '.repeat(30)}\n|${' - |'.repeat(30)}\n\n\`\`\`\n${long}\n\`\`\``;
    const stream = (await relay.next()).stream('s1');
    stream.send(events.start, events.toolBlock(long), events.input(`{"a": "${long}"}`), events.stopBlock());
    stream.send(
      events.textBlock(1),
      events.text(`${wide}\n\nThe end.`, 1),
      events.stopBlock(1),
      ...events.end(),
    );
    await page.getByText('The end.').waitFor();
    await answer().locator('.usage').waitFor();
    const widths = await page.evaluate(() =>
      [document.documentElement, ...document.querySelectorAll('main, header, footer, article')].map(
        ({ scrollWidth, clientWidth }) => scrollWidth - clientWidth,
      ),
    );
    assert.deepEqual([...new Set(widths)], [0]);
  });

  test('The page sends by Enter alone', async () => {
    await field().fill('');
    await field().press('Enter');
    await field().pressSequentially('one');
    await field().press('Shift+Enter');
    await field().pressSequentially('two');
    await field().evaluate((element) => {
      element.dispatchEvent(
        new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, cancelable: true }),
      );
    });
    assert.equal(await field().inputValue(), 'one\ntwo');
    assert.equal(await page.locator('article').count(), 0);
    await field().press('Enter');
    assert.equal((await relay.next()).body.messages[0]?.content[0]?.text, 'one\ntwo');
  });

  test('The page copies a message as the markdown it is, and a code block without its marks', async () => {
    await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: relay.origin });
    const text = 'Some **bold** code:\n\n```ts\nconst a = 1;\n\nconst b = 2;\n```\n';
    await send('go');
    (await relay.next()).stream('s1').send(...answerOf(text));
    await status('Response complete').waitFor();
    await button('Copy message').click();
    await button('Copied').waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), text);
    await button('Copy the ts code').click();
    await answer().locator('.code-copy', { hasText: 'Copied' }).waitFor();
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'const a = 1;\n\nconst b = 2;');
  });

  test('The page shows text at once to those who asked for less motion', async () => {
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await send('go');
    const shown = page.evaluate(
      () =>
        new Promise<number[]>((resolve) => {
          const lengths: number[] = [];
          const look = (): void => {
            const length = document.querySelector('.prose')?.textContent.length ?? 0;
            if (length > 0) lengths.push(length);
            if (length >= 3000) resolve(lengths);
            else requestAnimationFrame(look);
          };
          look();
        }),
    );
    (await relay.next()).stream('s1').send(events.start, events.textBlock(), events.text('x'.repeat(3000)));
    assert.deepEqual(await shown, [3000]);
  });

  test('The page can be used without seeing it', async () => {
    await send('go');
    (await relay.next())
      .stream('s1')
      .send(...answerOf('# Head\n\n| a |\n| - |\n| b |\n\n```ts\nx\n```\n\n- [x] done'));
    await status('Response complete').waitFor();
    await button('Copy the ts code').waitFor();
    const found = await page.evaluate(() => {
      const nameless = [
        ...document.querySelectorAll('button, a, textarea, input:not([type=checkbox]), [role]'),
      ].filter((element) => {
        const labels = element instanceof HTMLTextAreaElement ? element.labels.length : 0;
        const hasName = element.getAttribute('aria-label') || element.textContent?.trim() || labels > 0;
        return !hasName && element.getAttribute('role') !== 'status';
      });
      const levels = [...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(({ localName }) => localName);
      return {
        nameless: nameless.map(({ outerHTML }) => outerHTML),
        levels,
        language: document.documentElement.lang,
        title: document.title,
        landmarks: ['header', 'main', 'footer'].map(
          (name) => document.querySelectorAll(`.app > ${name}`).length,
        ),
        log: document.querySelectorAll('[role=log][aria-label]').length,
        duplicateIds:
          [...document.querySelectorAll('[id]')].length -
          new Set([...document.querySelectorAll('[id]')].map(({ id }) => id)).size,
      };
    });
    assert.deepEqual(found, {
      nameless: [],
      levels: ['h1', 'h2', 'h2', 'h3'],
      language: 'en',
      title: 'Millrace',
      landmarks: [1, 1, 1],
      log: 1,
      duplicateIds: 0,
    });
    // Every control can be reached by the keyboard alone, and shows that it has the focus.
    const reached: string[] = [];
    await page.getByRole('heading', { level: 1 }).click();
    for (let step = 0; step < 12; step += 1) {
      await page.keyboard.press('Tab');
      reached.push(
        await page.evaluate(() => {
          const { activeElement } = document;
          if (activeElement === null || activeElement === document.body) return 'body';
          const { outlineStyle } = getComputedStyle(activeElement);
          return `${activeElement.getAttribute('aria-label') ?? activeElement.textContent?.trim() ?? activeElement.localName}: ${outlineStyle}`;
        }),
      );
    }
    for (const name of ['New chat', 'Copy the ts code', 'Code, ts', 'Copy message']) {
      assert.ok(reached.includes(`${name}: solid`), `${name} in ${reached.join(' | ')}`);
    }
  });

  for (const colorScheme of ['light', 'dark'] as const) {
    test(`The page has enough contrast in the ${colorScheme} scheme`, async () => {
      await page.emulateMedia({ colorScheme });
      await send('go');
      (await relay.next())
        .stream('s1')
        .send(...answerOf('Text with `code` and [a link](https://example.com).\n\n> quote\n\n```ts\nx\n```'));
      await status('Response complete').waitFor();
      await answer().locator('.usage').waitFor();
      const ratios = await page.evaluate(() => {
        const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
        const rgba = (color: string): number[] => {
          if (canvas === null) return [0, 0, 0, 0];
          canvas.clearRect(0, 0, 1, 1);
          canvas.fillStyle = color;
          canvas.fillRect(0, 0, 1, 1);
          return [...canvas.getImageData(0, 0, 1, 1).data];
        };
        const luminance = (color: number[]): number => {
          const [red = 0, green = 0, blue = 0] = color.map((value) => {
            const part = value / 255;
            return part <= 0.040_45 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
          });
          return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
        };
        const backgroundOf = (element: Element | null): number[] => {
          for (let node = element; node !== null; node = node.parentElement) {
            const color = rgba(getComputedStyle(node).backgroundColor);
            if (color[3] === 255) return color;
          }
          return rgba('white');
        };
        const selectors = [
          '.wordmark',
          '.model',
          '.banner',
          '.question-text',
          '.prose p',
          '.prose a',
          '.prose code',
          '.prose blockquote',
          '.code-language',
          '.code-copy',
          '.code-text code',
          '.usage',
          '.composer-hint',
          '.new-chat',
        ];
        return selectors.map((selector) => {
          const element = document.querySelector(selector);
          if (element === null) return [selector, 0] as const;
          const [a, b] = [luminance(rgba(getComputedStyle(element).color)), luminance(backgroundOf(element))];
          return [selector, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)] as const;
        });
      });
      for (const [selector, ratio] of ratios) assert.ok(ratio >= 4.5, `${selector} has ${ratio.toFixed(2)}`);
    });
  }
});
