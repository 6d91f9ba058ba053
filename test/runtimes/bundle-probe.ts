// The probe and the client as one file, as an application's build makes it, in memory.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { build } from 'vite';

const entry = 'virtual:entry';

/** Bundles a line of JavaScript that gets `probe` and calls it as its runtime calls programs. Nothing else may be
 * imported from outside. */
export async function bundleProbe(program: string): Promise<string> {
  const source = `import { probe } from ${JSON.stringify(join(import.meta.dirname, 'probe.ts'))};\n${program}`;
  const result = await build({
    root: join(import.meta.dirname, '../..'),
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
      target: 'es2023',
      modulePreload: false,
      rolldownOptions: { input: entry, preserveEntrySignatures: 'strict', output: { format: 'es' } },
    },
  });
  assert.ok('output' in result, 'one build has one output');
  const [chunk, ...others] = result.output;
  assert.deepEqual([...others, ...chunk.imports, ...chunk.dynamicImports], [], 'everything is in one file');
  return chunk.code;
}
