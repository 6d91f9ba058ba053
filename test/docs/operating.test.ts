import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { createMeterTelemetry } from 'millrace/relay';
import type { MeterLike } from 'millrace/relay';
import { watchProcess } from '../../src/cli/metrics/process-figures.ts';
import { settingNames } from '../../src/cli/config/serve-settings.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/operating.md'), 'utf8');

test('docs/operating.md lists each figure that there is, and none besides', () => {
  const names: string[] = [];
  const meter: MeterLike = {
    createCounter: (name) => {
      names.push(name);
      return { add: () => undefined };
    },
    createHistogram: (name) => {
      names.push(name);
      return { record: () => undefined };
    },
    createObservableGauge: (name) => {
      names.push(name);
      return { addCallback: () => undefined };
    },
  };
  createMeterTelemetry(meter).watch?.({
    openStreams: () => 0,
    readers: () => 0,
    waiting: () => 0,
    held: async () => ({ streams: 0, bytes: 0 }),
  });
  watchProcess(meter)();
  const listed = [...page.matchAll(/^\| `([a-z_]+(?:\.[a-z_0-9]+)+)` +\|/gm)].map(([, name]) => name);
  assert.deepEqual(new Set(listed), new Set(names));
  assert.equal(listed.length, names.length);
});

test('docs/operating.md names only settings that there are', () => {
  const sections = [...new Set(settingNames.map((name) => name.split('.')[0]))].join('|');
  const named = [...page.matchAll(new RegExp(`\`((?:${sections})\\.[a-zA-Z]+)\``, 'g'))].map(
    ([, name]) => name!,
  );
  assert.ok(named.length > 6);
  assert.deepEqual(
    named.filter((name) => !settingNames.some((each) => each === name)),
    [],
  );
});
