// docs/simulator.md says what is so.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';

import { startSimulator } from '../../src/simulator/index.ts';
import { askEvents, clockTool, post, toBody, weatherTool } from './ask.ts';
import { changes } from '../../src/simulator/faults/apply-faults.ts';

const docs = await readFile(new URL('../../docs/simulator.md', import.meta.url), 'utf8');

test('docs/simulator.md has the example that is tested', async () => {
  const example = await readFile(new URL('example.test.ts', import.meta.url), 'utf8');
  assert.ok(docs.includes(`\`\`\`ts\n${example}\`\`\``));
});

test('docs/simulator.md has a table of prompts, and each is answered with the blocks it says', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const section = docs.split('## ').find((each) => each.startsWith('What it answers')) ?? '';
  const prompts = [...section.matchAll(/^\| `(.+?)` +\| .*? \|([^|]*)\|$/gm)];
  assert.ok(prompts.length > 10, 'the table was found');
  for (const [, prompt = '', blocks = ''] of prompts) {
    const tools = [weatherTool, clockTool];
    const events = await askEvents(simulator, toBody(prompt, { tools }));
    const types = events.flatMap(({ data }) => data.content_block?.type ?? []);
    assert.deepEqual(types, typesIn(blocks), prompt);
  }
});

test('docs/simulator.md has a table of all kinds of faults, and each of its short forms is a plan', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const section = docs.split('\n## ').find((each) => each.startsWith('Break it')) ?? '';
  const prompts = [...section.matchAll(/^\| `(\/fault (\w+).*?)` +\|/gm)];
  for (const [index, [, prompt = '', kind = '']] of prompts.entries()) {
    const answer = post(simulator, toBody(prompt, { stream: true }));
    void answer.then((response) => response.body?.cancel()).catch(() => undefined);
    const { faults } = await simulator.waitFor(
      ({ number, faults, status }) => number === index + 1 && (faults.length > 0 || status !== undefined),
    );
    assert.equal(faults[0]?.kind, kind, prompt);
  }
  const kinds = new Set([...prompts.map(([, , kind]) => kind), 'refuse']);
  assert.deepEqual(kinds, new Set(Object.keys(changes)));
});

/** The types in a cell of the table: `text` × 3 is three of them. */
function typesIn(cell: string): string[] {
  return [...cell.matchAll(/`(\w+)`(?: × (\d+))?/g)].flatMap(([, type = '', count = '1']) =>
    Array.from({ length: Number(count) }, () => type),
  );
}
