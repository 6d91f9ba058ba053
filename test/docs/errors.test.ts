import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { statusOfErrorType } from 'millrace/protocol';

const root = join(import.meta.dirname, '../..');

/** Where a source names an error code: a field, or a union of codes. */
const namings = [
  /\bcode(?: =|:)\s*'([a-z_]+)'/g,
  /readonly code: ((?:'[a-z_]+'(?: \| )?)+);/g,
  /^(?:export )?type \w+ErrorCode =([^;]+);/gm,
];

function codesOfSource(source: string): string[] {
  const named = namings.flatMap((naming) => [...source.matchAll(naming)].map(([, codes = '']) => codes));
  return named.flatMap((codes) =>
    codes.includes("'") ? [...codes.matchAll(/'([a-z_]+)'/g)].map(([, code]) => code!) : [codes],
  );
}

test('docs/errors.md has a section for each code of the source, and none besides', () => {
  const files = globSync('src/{protocol,client,storage,relay,simulator}/**/*.ts', { cwd: root });
  const inSource = files.flatMap((file) => codesOfSource(readFileSync(join(root, file), 'utf8')));
  const codes = new Set([...inSource, ...Object.keys(statusOfErrorType), 'stopped']);
  const headings = readFileSync(join(root, 'docs/errors.md'), 'utf8').matchAll(/^### `([a-z_]+)`$/gm);
  assert.ok(inSource.length > 15, `${inSource.length} codes were found`);
  assert.deepEqual([...headings].map(([, code]) => code!).toSorted(), [...codes].toSorted());
});
