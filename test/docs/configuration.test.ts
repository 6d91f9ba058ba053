import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { withSettingsTable } from '../../scripts/settings-table.ts';
import { readConfig } from '../../src/cli/config/read-config.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/configuration.md'), 'utf8');

test('docs/configuration.md has the table of settings as it is; node scripts/settings-table.ts writes it', () => {
  assert.equal(withSettingsTable(page), page);
});

test('the files that docs/configuration.md shows are configurations', async () => {
  const [first = '', second = '', third = ''] = [...page.matchAll(/```yaml\n([^]*?)```/g)].map(
    ([, yaml = '']) => yaml,
  );
  const folder = mkdtempSync(join(tmpdir(), 'millrace-docs-'));
  try {
    const key = join(folder, 'key');
    const secret = 'a-secret-of-more-than-32-characters';
    writeFileSync(key, secret);
    const environment = { OPERATOR_KEY: `operator-${secret}` };
    const read = (yaml: string) => {
      const file = join(folder, 'relay.yaml');
      writeFileSync(file, yaml.replace(/\/run\/secrets\/[\w-]+/, key));
      return readConfig({ file, environment, flags: new Map(), assignments: [] });
    };
    const { values } = await read(first);
    assert.equal(values['upstream.key'], secret);
    assert.equal(values['limits.maxReaders'], 4000);
    assert.equal(values['store.keepHours'], 72);
    const { values: access } = await read(second);
    assert.deepEqual(
      access['access.keys']?.map(({ id, operator = false }) => [id, operator]),
      [
        ['web', false],
        ['operator', true],
      ],
    );
    assert.equal(access['listen.host'], '0.0.0.0');
    const { values: tokens } = await read(third);
    assert.deepEqual(
      tokens['access.tokens']?.keys.map(({ id, algorithm }) => [id, algorithm]),
      [
        ['2026-10', 'HS256'],
        ['2026-11', 'EdDSA'],
      ],
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});
