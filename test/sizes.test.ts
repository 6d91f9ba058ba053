// What the portable doors cost a page: each is bundled and minified as an application's build would do it, in
// memory. Not in the bundler's library mode, which leaves white space in.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { build } from 'vite';

const root = join(import.meta.dirname, '..');

const kilobyte = 1024;

/** The most each door may weigh, minified and gzipped, and the folders its modules may come from. Where the bytes of
 * the client are is in docs/decisions/0015-size.md. */
const budgets = [
  { door: 'protocol', maxBytes: 6 * kilobyte, folders: ['protocol'] },
  { door: 'client', maxBytes: 31.5 * kilobyte, folders: ['protocol', 'client'] },
  { door: 'client/answer', maxBytes: 14 * kilobyte, folders: ['protocol', 'client'] },
];

interface Bundle {
  readonly gzippedBytes: number;
  /** What the bundle itself still imports. */
  readonly imports: readonly string[];
  readonly exports: readonly string[];
  /** The files in it, from the repository's root. */
  readonly modules: readonly string[];
}

/** Bundles one line of source, which imports from the doors by name. */
async function bundle(source: string): Promise<Bundle> {
  const entry = 'virtual:entry';
  const result = await build({
    root,
    configFile: false,
    logLevel: 'silent',
    resolve: { conditions: ['millrace-source'] },
    plugins: [
      {
        name: 'entry-from-text',
        resolveId: (id) => (id === entry ? entry : undefined),
        load: (id) => (id === entry ? source : undefined),
      },
    ],
    build: {
      write: false,
      minify: true,
      target: 'es2023',
      modulePreload: false,
      rolldownOptions: { input: entry, preserveEntrySignatures: 'strict', output: { format: 'es' } },
    },
  });
  assert.ok('output' in result, 'one build has one output');
  const [chunk, ...others] = result.output;
  assert.deepEqual(others, [], 'everything is in one file');
  assert.ok(chunk.code.length > 0, 'the bundle is not empty');
  return {
    gzippedBytes: gzipSync(chunk.code).length,
    imports: [...chunk.imports, ...chunk.dynamicImports],
    exports: chunk.exports,
    modules: chunk.moduleIds.filter((id) => id !== entry).map((id) => id.slice(root.length + 1)),
  };
}

for (const { door, maxBytes, folders } of budgets) {
  test(`millrace/${door} weighs at most ${maxBytes} bytes gzipped, imports nothing, and holds only its layers`, async (t) => {
    const { gzippedBytes, imports, exports, modules } = await bundle(`export * from 'millrace/${door}';`);
    t.diagnostic(`${gzippedBytes} of ${maxBytes} bytes`);
    assert.ok(exports.length > 0, 'the door opens');
    assert.ok(gzippedBytes <= maxBytes, `${gzippedBytes} bytes of at most ${maxBytes}`);
    assert.deepEqual(imports, []);
    const strangers = modules.filter((file) => !folders.some((folder) => file.startsWith(`src/${folder}/`)));
    assert.deepEqual(strangers, []);
  });
}

test('SseDecoder alone weighs less than half of millrace/protocol', async () => {
  const whole = await bundle(`export * from 'millrace/protocol';`);
  const part = await bundle(`export { SseDecoder } from 'millrace/protocol';`);
  assert.deepEqual(part.exports, ['SseDecoder']);
  assert.ok(
    part.gzippedBytes < whole.gzippedBytes / 2,
    `${part.gzippedBytes} of ${whole.gzippedBytes} bytes`,
  );
});

test('Millrace alone weighs at most 21.5 KB, and brings none of what stands beside it', async (t) => {
  const { gzippedBytes, modules } = await bundle(`export { Millrace } from 'millrace/client';`);
  t.diagnostic(`${gzippedBytes} bytes`);
  assert.ok(gzippedBytes <= 21.5 * kilobyte, `${gzippedBytes} bytes`);
  assert.ok(modules.includes('src/client/message-stream.ts'));
  const extras =
    /^src\/client\/(?:tools|schema|conversation)\/|object|keep-content|answer-error|all\.ts|limiter|otel|smooth/;
  assert.deepEqual(
    modules.filter((file) => extras.test(file)),
    ['src/client/read-object.ts'],
  );
});

test('millrace/client/answer has nothing of what Millrace has beside it', async () => {
  const { modules } = await bundle(`export * from 'millrace/client/answer';`);
  assert.ok(modules.includes('src/client/recovery.ts'));
  assert.ok(modules.includes('src/client/answer.ts'));
  const extras =
    /environment|official|metrics|telemetry|partial-json|whole-reply|object|lines|listeners|event-|kept|message-stream/;
  assert.deepEqual(
    modules.filter((file) => extras.test(file) && !file.startsWith('src/protocol/stream-event')),
    [],
  );
});
