import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runProgram } from '../support/program.ts';

const page = readFileSync(join(import.meta.dirname, '../../docs/cli.md'), 'utf8');

for (const command of ['ask', 'serve', 'simulate', 'record']) {
  test(`docs/cli.md shows the help of millrace ${command} as it is`, async () => {
    await using program = runProgram([command, '--help']);
    assert.equal(await program.ended, 0);
    const shown = new RegExp(`<!-- help: ${command} -->\n\n\`\`\`text\n([^\`]*)\`\`\`\n`).exec(page)?.[1];
    assert.equal(shown, program.stdout);
  });
}
