import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findViolations } from '../../scripts/layer-rules.ts';

/** What is wrong with one file: `line imported: reason`. */
function violationsOf(file: string, text: string): string[] {
  return findViolations(new Map([[file, text]])).map(
    ({ place, imported, reason }) => `${place.replace(`${file}:`, '')} ${imported}: ${reason}`,
  );
}

test('findViolations() finds nothing where every import follows its arrow', () => {
  const files = new Map([
    ['src/protocol/a.ts', `import { b } from './deep/b.ts';\nexport const a = b;`],
    ['src/protocol/deep/b.ts', `export type { A } from '../a.ts';`],
    ['src/client/index.ts', `export * from '../protocol/index.ts';`],
    ['src/storage/sqlite.ts', `import { DatabaseSync } from 'node:sqlite';`],
    ['src/simulator/start.ts', `import { createServer } from 'node:http';`],
    ['src/document/parse.ts', `const { parseDocument } = await import('yaml');`],
    ['src/simulator/scenario/load.ts', `import { parseDocument } from '../../document/index.ts';`],
    ['src/relay/relay.ts', `import type { StreamLog } from '../storage/index.ts';`],
    ['src/relay/node.ts', `import { createServer } from 'node:http';\nimport { Relay } from './relay.ts';`],
    ['src/web/page.tsx', `import { signal } from '@preact/signals';\nimport './page.css';`],
    [
      'src/web/box.tsx',
      `import { Millrace } from '../client/index.ts';\nexport const b = <b>{Millrace.name}</b>;`,
    ],
    ['src/web/vite.config.ts', `import { defineConfig } from 'vite';\nimport { join } from 'node:path';`],
    [
      'src/cli/main.ts',
      `import { Command } from 'commander';\nimport { startRelayServer } from '../relay/node.ts';`,
    ],
  ]);
  assert.deepEqual(findViolations(files), []);
});

test('findViolations() says for each violation the place, the import, the reason and the remedy', () => {
  const text = `// The store.\nimport { a } from './a.ts';\nimport { b } from '../client/index.ts';\n`;
  assert.deepEqual(findViolations(new Map([['src/storage/store.ts', text]])), [
    {
      place: 'src/storage/store.ts:3',
      imported: '../client/index.ts',
      reason: 'storage may import only protocol, not src/client/index.ts',
      remedy: 'move the code down to where both may use it, or hand it in as an argument',
    },
  ]);
});

const planted: readonly [kind: string, file: string, text: string, violation: string][] = [
  [
    'a package of one layer in another',
    'src/simulator/scenario/script.ts',
    `import { parseDocument } from 'yaml';`,
    '1 yaml: simulator may import nothing from npm',
  ],
  [
    'an arrow that points up',
    'src/protocol/a.ts',
    `import { b } from '../client/index.ts';`,
    '1 ../client/index.ts: protocol may import nothing, not src/client/index.ts',
  ],
  [
    'the relay importing the simulator',
    'src/relay/a.ts',
    `import { b } from '../simulator/index.ts';`,
    '1 ../simulator/index.ts: relay may import only client, storage, protocol, not src/simulator/index.ts',
  ],
  [
    'the command line importing the page',
    'src/cli/a.ts',
    `import { b } from '../web/index.ts';`,
    '1 ../web/index.ts: cli may import only relay, simulator, client, storage, document, protocol, not src/web/index.ts',
  ],
  [
    'a way around the door',
    'src/client/a.ts',
    `import { SseDecoder } from '../protocol/sse-decoder.ts';`,
    '1 ../protocol/sse-decoder.ts: the door of protocol is index.ts',
  ],
  [
    'a way around the doors of the relay',
    'src/cli/a.ts',
    `import { b } from '../relay/http.ts';`,
    '1 ../relay/http.ts: the door of relay is index.ts or node.ts or otel.ts',
  ],
  [
    'a module of Node in a portable layer',
    'src/client/a.ts',
    `import { readFile } from 'node:fs/promises';`,
    '1 node:fs/promises: client runs in every JavaScript runtime, so it imports nothing of Node',
  ],
  [
    'a module of Node without its prefix',
    'src/protocol/a.ts',
    `import { Buffer } from 'buffer';`,
    '1 buffer: protocol runs in every JavaScript runtime, so it imports nothing of Node',
  ],
  [
    'a module of Node in the portable part of the relay',
    'src/relay/relay.ts',
    `import { createServer } from 'node:http';`,
    '1 node:http: relay runs in every JavaScript runtime, so it imports nothing of Node',
  ],
  [
    'the portable part of the relay importing its Node part',
    'src/relay/index.ts',
    `export * from './node.ts';`,
    '1 ./node.ts: relay runs without Node, and node.ts does not',
  ],
  [
    'a package that is not in the row of the layer',
    'src/client/a.ts',
    `import { marked } from 'marked';`,
    '1 marked: client may import nothing from npm',
  ],
  [
    'a package whose name begins as an allowed one',
    'src/cli/a.ts',
    `import { b } from 'commander-extra';`,
    '1 commander-extra: cli may import only commander, pino, yaml from npm',
  ],
  [
    'the bundler outside of its configuration',
    'src/web/page.tsx',
    `import { build } from 'vite';`,
    '1 vite: web may import only preact, @preact/signals, marked, dompurify, remend from npm',
  ],
  [
    'the own package by its name',
    'src/client/a.ts',
    `import { SseDecoder } from 'millrace/protocol';`,
    '1 millrace/protocol: the doors by name are for users and tests',
  ],
  [
    'a file outside of src',
    'src/cli/a.ts',
    `import { b } from '../../scripts/build.ts';`,
    '1 ../../scripts/build.ts: cli may import only relay, simulator, client, storage, document, protocol, not scripts/build.ts',
  ],
  [
    'a folder that is no layer',
    'src/extra/a.ts',
    `import { b } from './b.ts';`,
    '1 ./b.ts: src/extra/a.ts is in no layer',
  ],
  [
    'a dynamic import',
    'src/protocol/a.ts',
    `export async function a() {\n  return await import('node:fs');\n}`,
    '2 node:fs: protocol runs in every JavaScript runtime, so it imports nothing of Node',
  ],
  [
    'a dynamic import of a computed path',
    'src/cli/a.ts',
    `export const a = (name: string) => import(name);`,
    '1 a computed path: nobody can tell before it runs what that is',
  ],
  [
    'an import inside of a type',
    'src/protocol/a.ts',
    `export type A = import('../client/index.ts').Millrace;`,
    '1 ../client/index.ts: protocol may import nothing, not src/client/index.ts',
  ],
  [
    'an export from elsewhere, over several lines',
    'src/protocol/a.ts',
    `\nexport {\n  b,\n} from '../storage/index.ts';`,
    '2 ../storage/index.ts: protocol may import nothing, not src/storage/index.ts',
  ],
];

for (const [kind, file, text, violation] of planted) {
  test(`findViolations() finds ${kind}`, () => {
    assert.deepEqual(violationsOf(file, text), [violation]);
  });
}

test('findViolations() does not take the words of comments and strings for imports', () => {
  const text = `// import { a } from '../client/index.ts';\nexport const b = "import { c } from 'vite';";`;
  assert.deepEqual(violationsOf('src/protocol/a.ts', text), []);
});

test('findViolations() throws a SyntaxError that names a file it cannot read', () => {
  assert.throws(
    () => violationsOf('src/protocol/a.ts', 'import {'),
    /^SyntaxError: Cannot parse src\/protocol\/a\.ts/,
  );
});
