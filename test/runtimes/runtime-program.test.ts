import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runtimeProgram } from './runtime-program.ts';

test('runtimeProgram() takes what is no program for none, says what is missing, and finds what is there', () => {
  const modules = mkdtempSync(join(tmpdir(), 'millrace-modules-'));
  const missing = /^Error: Cannot find bun for \S+ in \S+ \(looked for @oven\/bun-\*.*run npm ci/;
  try {
    assert.throws(() => runtimeProgram('bun', modules), missing);
    mkdirSync(join(modules, 'bun/bin'), { recursive: true });
    const placeholder = join(modules, 'bun/bin/bun.exe');
    writeFileSync(placeholder, 'echo "the install script was not run"; exit 1');
    assert.throws(() => runtimeProgram('bun', modules), missing);
    mkdirSync(join(modules, '@oven/bun-linux-x64/bin'), { recursive: true });
    const program = join(modules, '@oven/bun-linux-x64/bin/bun');
    writeFileSync(program, Buffer.alloc(2 ** 20));
    assert.equal(runtimeProgram('bun', modules), program);
  } finally {
    rmSync(modules, { recursive: true });
  }
});
