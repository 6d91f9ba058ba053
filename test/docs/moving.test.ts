// docs/moving-from-the-official-sdk.md: each of its pieces of code, by the imports of either library.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { runExample } from '../support/run-example.ts';

const root = join(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/moving-from-the-official-sdk.md'), 'utf8');

interface Snippet {
  readonly heading: string;
  readonly ours: string;
  readonly theirs: string;
}

/** The heading above each piece of code, and the code with the imports of one library and of the other. */
const snippets = [...page.matchAll(/^### (.+)\n[^]*?^```ts\n([^]*?)^```$/gm)].map(
  ([, heading = '', code = '']): Snippet => ({
    heading,
    ours: code.replaceAll(/^\/\/ before: .*\n/gm, ''),
    theirs: code
      .replaceAll(/^import .* from 'millrace\/client';\n/gm, '')
      .replaceAll(/^\/\/ before: (?=import )/gm, ''),
  }),
);

/** What each prints, so that two that fail in the same way are not taken for two that agree. */
const outputs: Readonly<Record<string, RegExp>> = {
  'A message': /^A mill race leads water to a wheel\.\nend_turn [0-9]+ req_\w+\n$/,
  'The events of `create`': /^(?:.*\n){4,}end_turn\n$/,
  'The events of `stream`, and the message':
    /^begins 0 text\nends 0\nassistant 1 end_turn\n## 1\.(?: ?[^ ]+){40,}$/,
  Listeners: /^connected\n(?:[0-9]+ [0-9]+\n)+text\nend_turn\nmsg_\w+\nend\n[0-9]+ true false 1\n$/,
  Tools: /^\n\{"[^]*\nget_weather \{ city: '.+' \}\nHere is what came back:[^]*21 degrees/,
  Thinking: /^The 3\n[^]*\. 517\ntrue\nThe request is [^]*\.\ntext\n$/,
  Stopping: /^abort\ntrue\ntrue true\ntrue\ntrue\n$/,
  'Errors of the API': /^404 not_found_error req_\w+\n400\ninvalid_request_error\ntrue\n$/,
  'Errors of the network': /^true\n$/,
  'The response': /^1 200 application\/json req_\w+\ntrue req_\w+ one\n[0-9]{3,}\n$/,
  'Counting tokens': /^([0-9]+)\n\1 200\n$/,
  'From a server to a page': /^(?:.*\n){4,}end_turn\n$/,
  'Two readers of one answer': /^([0-9]{3,})\n\1\n$/,
};

describe('docs/moving-from-the-official-sdk.md', { concurrency: 2 }, () => {
  test('each piece of code has a heading, imports of both libraries, and an output that is looked for', () => {
    assert.deepEqual(
      snippets.map(({ heading }) => heading),
      Object.keys(outputs),
    );
    assert.equal(page.match(/^```ts$/gm)?.length, snippets.length);
    for (const { heading, ours, theirs } of snippets) {
      assert.ok(ours.includes("'millrace/client'") && !ours.includes('@anthropic-ai/sdk'), heading);
      assert.ok(theirs.includes("'@anthropic-ai/sdk'") && !theirs.includes('millrace/client'), heading);
      const rest = (code: string): string => code.replaceAll(/^import .*\n/gm, '');
      assert.equal(rest(ours), rest(theirs), `${heading}: nothing but imports`);
    }
  });

  for (const { heading, ours, theirs } of snippets) {
    test(`${heading}: prints the same under both libraries`, async () => {
      const [here, there] = await Promise.all([runExample(ours), runExample(theirs)]);
      assert.match(here.output, outputs[heading] ?? /^$/);
      assert.deepEqual(here, there);
      assert.equal(here.exitCode, 0);
    });
  }

  test('each piece of code has the types of both libraries', () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-moving-'));
    try {
      for (const [index, { ours, theirs }] of snippets.entries()) {
        writeFileSync(join(folder, `ours-${index}.ts`), `${ours}\nexport {};\n`);
        writeFileSync(join(folder, `theirs-${index}.ts`), `${theirs}\nexport {};\n`);
      }
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(compilerConfig));
      const tsc = join(root, 'node_modules/.bin/tsc');
      const { status, stdout } = spawnSync(tsc, ['-p', folder, '--pretty', 'false'], { encoding: 'utf8' });
      assert.deepEqual({ status, stdout }, { status: 0, stdout: '' });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

const compilerConfig = {
  extends: join(root, 'tsconfig.base.json'),
  compilerOptions: {
    noEmit: true,
    composite: false,
    declaration: false,
    isolatedDeclarations: false,
    rewriteRelativeImportExtensions: false,
    allowImportingTsExtensions: true,
    module: 'esnext',
    moduleResolution: 'bundler',
    lib: ['es2024', 'dom', 'dom.iterable', 'dom.asynciterable', 'esnext.disposable'],
    types: ['node'],
    typeRoots: [join(root, 'node_modules/@types')],
    paths: {
      'millrace/client': [join(root, 'src/client/index.ts')],
      '@anthropic-ai/sdk': [join(root, 'node_modules/@anthropic-ai/sdk/index.d.ts')],
      '@anthropic-ai/sdk/*': [join(root, 'node_modules/@anthropic-ai/sdk/*.d.ts')],
    },
  },
};
