import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import type { Browser, Page } from 'playwright-core';
import { browserSkip } from '../support/requirements.ts';
import { attacks } from './attacks.ts';
import { buildTestPage, servePage } from './built-page.ts';
import type { PageServer } from './built-page.ts';
import { launchChromium, noMisdeeds, watchPage } from './chromium.ts';
import type { Misdeeds } from './chromium.ts';
import { markdownText } from './markdown-arbitrary.ts';
import { samples } from './markdown-samples.ts';
import type { MarkdownTests } from './markdown-page.ts';

declare global {
  var markdownTests: MarkdownTests;
}

describe('MarkdownBody in Chromium', { skip: browserSkip() }, () => {
  let server: PageServer;
  let browser: Browser;
  let page: Page;
  let misdeeds: Misdeeds;

  before(async () => {
    // Without a policy: what holds here holds by itself.
    server = await servePage(await buildTestPage('./markdown-page.ts'));
    browser = await launchChromium();
    page = await browser.newPage();
    misdeeds = watchPage(page, server.origin);
    await page.goto(server.origin);
  });

  after(async () => {
    await browser?.close();
    await server?.close();
  });

  /** The markup of a text that comes whole. */
  const markup = (text: string): Promise<string> =>
    page.evaluate((text) => markdownTests.renderPieces([text]).innerHTML, text);

  /** The first way to cut each text that makes a difference, with what it makes; undefined when none does. */
  const differences = (texts: readonly string[], step = 1): Promise<(object | undefined)[]> =>
    page.evaluate(
      ([texts, step]) => {
        const { renderPieces, renderWhole } = markdownTests;
        // What a parser keeps of the white space at the ends of a line depends on the lines around it, and a page
        // shows none of it outside of code.
        const collapsed = (root: Element): string =>
          root.innerHTML
            .split(/(<pre[^]*?<\/pre>)/)
            .map((part) =>
              part.startsWith('<pre') ? part : part.replaceAll(/\s*(\s|<\/?(?:p|li|h\d)>)\s*/g, '$1'),
            )
            .join('')
            .replaceAll(/\s/g, ' ');
        const difference = (text: string): object | undefined => {
          const whole = renderWhole(text);
          const cuts: string[][] = [];
          for (let at = 0; at <= text.length; at += step) cuts.push([text.slice(0, at), text.slice(at)]);
          for (const pieces of [text.split(''), text.split(/(?<=\n)/), ...cuts]) {
            const root = renderPieces(pieces);
            if (!root.isEqualNode(whole) && collapsed(root) !== collapsed(whole))
              return { pieces, is: root.innerHTML, wanted: whole.innerHTML };
          }
          return undefined;
        };
        return texts.map(difference);
      },
      [texts, step] as const,
    );

  for (const [name, text] of Object.entries(samples)) {
    test(`MarkdownBody gives the same DOM wherever the sample "${name}" is cut`, async () => {
      assert.deepEqual(await differences([text]), [undefined]);
    });
  }

  test('MarkdownBody gives the same DOM wherever any text is cut', async () => {
    // The same texts at every run; another seed explores others.
    const seed = Number(process.env['MILLRACE_SEED'] ?? 20_261_121);
    const texts = fc.sample(markdownText, { numRuns: 200, seed });
    const found = (await differences(texts, 17)).filter((difference) => difference !== undefined);
    assert.deepEqual(found, [], `seed ${seed}`);
  });

  test('MarkdownBody never touches a finished block again', async () => {
    const touched = await page.evaluate(async (text) => {
      const root = markdownTests.createRoot();
      const body = new markdownTests.MarkdownBody(root);
      const touched: string[] = [];
      for (const character of text) {
        // All but the last two blocks are finished: the last may still be waiting for its next line.
        const finished = [...root.children].slice(0, -2);
        const observer = new MutationObserver(() => undefined);
        for (const block of finished) {
          observer.observe(block, { attributes: true, characterData: true, childList: true, subtree: true });
        }
        body.push(character);
        body.draw();
        touched.push(...observer.takeRecords().map(({ type }) => `${type} at ${character}`));
        touched.push(...finished.filter((block) => !block.isConnected).map(({ nodeName }) => nodeName));
        observer.disconnect();
      }
      return touched;
    }, samples['everything'] ?? '');
    assert.deepEqual(touched, []);
  });

  test('MarkdownBody keeps a selection and the code being read while a block grows', async () => {
    const kept = await page.evaluate(() => {
      const root = markdownTests.createRoot();
      const body = new markdownTests.MarkdownBody(root);
      body.push('```ts\nconst first = 1;\n');
      body.draw();
      const text = root.querySelector('code')?.firstChild;
      if (!(text instanceof Text)) return 'no text';
      document.getSelection()?.setBaseAndExtent(text, 0, text, 5);
      for (const piece of ['const second', ' = 2;\n', '``', '`\n', '\nafter']) {
        body.push(piece);
        body.draw();
      }
      body.finish();
      return [
        document.getSelection()?.toString(),
        text.isConnected,
        text.data,
        root.lastElementChild?.textContent,
      ];
    });
    assert.deepEqual(kept, ['const', true, 'const first = 1;\nconst second = 2;', 'after']);
  });

  test('MarkdownBody renders the forms of a message', async () => {
    assert.equal(await markup('# A *b*'), '<h3 class="heading-1">A <em>b</em></h3>');
    assert.equal(await markup('1. a\n2. b'), '<ol><li>a</li><li>b</li></ol>');
    assert.equal(await markup('3. a'), '<ol start="3"><li>a</li></ol>');
    assert.equal(
      await markup('- [x] a\n- [ ] b'),
      '<ul><li class="task"><input type="checkbox" disabled="" checked=""> a</li>' +
        '<li class="task"><input type="checkbox" disabled=""> b</li></ul>',
    );
    assert.equal(
      await markup('| a | b |\n| - | -: |\n| 1 | 2 |'),
      '<div class="table" tabindex="0"><table><thead><tr><th scope="col">a</th><th scope="col" class="align-right">b</th></tr></thead>' +
        '<tbody><tr><td>1</td><td class="align-right">2</td></tr></tbody></table></div>',
    );
    assert.equal(
      await markup('```ts\na < b\n```'),
      '<div class="code"><div class="code-head"><span class="code-language">ts</span>' +
        '<button type="button" class="code-copy" aria-label="Copy the ts code">Copy</button></div>' +
        '<pre class="code-text" tabindex="0" role="group" aria-label="Code, ts"><code>a &lt; b</code></pre></div>',
    );
    assert.equal(
      await markup('&copy; &#169; &amp;lt; &made; \\&copy; `&copy;`'),
      '<p>© © &amp;lt; &amp;made; &amp;copy; <code>&amp;copy;</code></p>',
    );
  });

  test('MarkdownBody shows HTML as text', async () => {
    assert.equal(await markup('<b>a</b> *c*'), '<p>&lt;b&gt;a&lt;/b&gt; <em>c</em></p>');
    assert.equal(await markup('a<br>b'), '<p>a<br>b</p>');
  });

  test('MarkdownBody opens links of three protocols only, elsewhere and without a trace', async () => {
    const rel = 'target="_blank" rel="noopener noreferrer nofollow"';
    assert.equal(
      await markup('[x](https://example.com/a?b&c "t")'),
      `<p><a href="https://example.com/a?b&amp;c" title="t (https://example.com/a?b&amp;c)" ${rel}>x</a></p>`,
    );
    assert.equal(
      await markup('<me@example.com>'),
      `<p><a href="mailto:me@example.com" title="mailto:me@example.com" ${rel}>me@example.com</a></p>`,
    );
    assert.equal(await markup('[x](ftp://example.com) [y](relative) [z](#part)'), '<p>x y z</p>');
    assert.match(
      await markup('[https://bank.example/login](https://evil.example)'),
      /<\/a><span class="link-host"> \(evil\.example\)<\/span>/,
    );
    assert.doesNotMatch(await markup('https://www.example.com/x [Node.js](https://nodejs.org)'), /link-host/);
  });

  test('MarkdownBody names an image and its host and loads nothing', async () => {
    assert.equal(
      await markup('![a mill](https://example.com/mill.png)'),
      '<p><span class="image"><span class="image-name">Image, not loaded: a mill</span> ' +
        '<a href="https://example.com/mill.png" title="https://example.com/mill.png" target="_blank" ' +
        'rel="noopener noreferrer nofollow">open at example.com</a></span></p>',
    );
    assert.equal(
      await markup('![](data:image/png;base64,AAAA)'),
      '<p><span class="image"><span class="image-name">Image, not loaded</span></span></p>',
    );
  });

  test('MarkdownBody shows what is nested too deep as text, and does not break', async () => {
    const texts = [
      '>'.repeat(3000),
      '- '.repeat(3000),
      '['.repeat(3000),
      '*a '.repeat(3000),
      '!['.repeat(2000),
    ];
    for (const text of texts) {
      const found = await page.evaluate((text) => {
        const root = markdownTests.renderPieces([text]);
        let depth = 0;
        for (let node: Element | null = root; node !== null; node = node.firstElementChild) depth += 1;
        return { depth, isSame: root.isEqualNode(markdownTests.renderWhole(text)) };
      }, text);
      assert.ok(found.isSame && found.depth < 100, JSON.stringify({ ...found, text: text.slice(0, 10) }));
    }
  });

  test('MarkdownBody runs no script and asks no other host, wherever an attack is cut', async () => {
    await page.evaluate(() => {
      Object.assign(globalThis, {
        attacked: 0,
        attack: () => ((globalThis as { attacked?: number }).attacked! += 1),
      });
    });
    for (const attack of attacks) {
      const text = attack.replaceAll('EVIL', 'http://evil.invalid');
      const found = await page.evaluate(async (text) => {
        const { createRoot, MarkdownBody } = markdownTests;
        const bad = new Set<string>();
        const inspect = (root: Element): void => {
          for (const { localName, attributes } of root.querySelectorAll('*')) {
            if (
              /^(?:script|img|svg|iframe|object|embed|link|style|form|base|meta|video|audio|template)$/.test(
                localName,
              )
            )
              bad.add(localName);
            for (const { name, value } of attributes) {
              if (name.startsWith('on') || name === 'style' || name === 'src') bad.add(name);
              if (name === 'href' && !/^(?:https?|mailto):/.test(value)) bad.add(value);
            }
          }
        };
        for (let cut = 0; cut <= text.length; cut += 1) {
          const root = createRoot();
          const body = new MarkdownBody(root);
          for (const piece of [text.slice(0, cut), text.slice(cut)]) {
            body.push(piece);
            body.draw();
            inspect(root);
          }
          body.finish();
          inspect(root);
          for (const link of root.querySelectorAll('a'))
            link.dispatchEvent(new MouseEvent('mouseover', { bubbles: true }));
        }
        // Whatever was to load or to run has its turn.
        await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
        return [...bad];
      }, text);
      assert.deepEqual(found, [], attack);
      assert.equal(await page.evaluate(() => (globalThis as { attacked?: number }).attacked), 0, attack);
    }
    assert.deepEqual(misdeeds, noMisdeeds);
  });
});
