import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');

test('docs/security.md names a test for each risk, and each of them is there', () => {
  const page = readFileSync(join(root, 'docs/security.md'), 'utf8');
  const rows = page.slice(page.indexOf('## Row by row')).matchAll(/^\| (.+?) +\| (.+?) +\| (`.+`) +\|$/gm);
  let count = 0;
  for (const [, risk, , named = ''] of rows) {
    count += 1;
    let folder = '';
    for (const [, path = ''] of named.matchAll(/`([^`]+)`/g)) {
      // A name alone stands for a neighbour of the one before.
      folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/') + 1) : folder;
      const file = `test/${path.includes('/') ? path : folder + path}.test.ts`;
      assert.ok(existsSync(join(root, file)), `${risk}: ${file}`);
    }
  }
  assert.equal(count, 21);
});
