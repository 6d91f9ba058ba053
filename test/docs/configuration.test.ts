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

test('the file that docs/configuration.md shows is a configuration', async () => {
  const [, yaml = ''] = /```yaml\n([^]*?)```/.exec(page) ?? [];
  const folder = mkdtempSync(join(tmpdir(), 'millrace-docs-'));
  try {
    const key = join(folder, 'key');
    writeFileSync(key, 'k');
    const file = join(folder, 'relay.yaml');
    writeFileSync(file, yaml.replace('/run/secrets/anthropic-key', key));
    const { values } = await readConfig({ file, environment: {}, flags: new Map(), assignments: [] });
    assert.equal(values['upstream.key'], 'k');
    assert.equal(values['limits.maxReaders'], 4000);
    assert.equal(values['store.keepHours'], 72);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
