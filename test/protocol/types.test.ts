import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const compiler = join(root, 'node_modules/typescript/bin/tsc');

/** Compiles sources beside this file, and returns what the compiler says. */
function compile(sources: Readonly<Record<string, string>>): { status: number | null; output: string } {
  const folder = mkdtempSync(join(import.meta.dirname, '.types-'));
  try {
    for (const [name, source] of Object.entries(sources)) writeFileSync(join(folder, name), source);
    const config = {
      extends: '../../tsconfig.json',
      include: ['./*.ts'],
      compilerOptions: { rootDir: '../../..' },
    };
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config));
    const { status, stdout, stderr } = spawnSync(process.execPath, [compiler, '-p', folder], {
      encoding: 'utf8',
    });
    return { status, output: stdout + stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const sourceOf = (name: string) => readFileSync(join(import.meta.dirname, name), 'utf8');

test('the types hold against those of the official SDK in both directions', () => {
  const { status, output } = compile({ 'official-types.ts': sourceOf('official-types.ts') });
  assert.equal(status, 0, output);
});

test('the types check finds a type that differs', () => {
  const planted = `${sourceOf('official-types.ts')}
export type Planted = Assignable<ours.TextBlock, Anthropic.ThinkingBlock>;`;
  const { status, output } = compile({ 'official-types.ts': planted });
  assert.notEqual(status, 0);
  assert.match(output, /ThinkingBlock/);
});

test('the unions narrow by type, unknown types included', () => {
  const { status, output } = compile({ 'narrowing.ts': sourceOf('narrowing.ts') });
  assert.equal(status, 0, output);
  const misuse = sourceOf('narrowing.ts').replace(
    'block.text satisfies string',
    'block.name satisfies string',
  );
  assert.notEqual(compile({ 'narrowing.ts': misuse }).status, 0);
});
