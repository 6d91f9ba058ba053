import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { createSimulator, loadScenario } from '../../src/simulator/index.ts';
import { toBody } from './ask.ts';

interface Folder extends AsyncDisposable {
  write(name: string, text: string): Promise<string>;
}

async function openFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'millrace-scenario-'));
  return {
    async write(name, text) {
      await writeFile(join(path, name), text);
      return join(path, name);
    },
    [Symbol.asyncDispose]: () => rm(path, { recursive: true }),
  };
}

/** What loadScenario() says of a file, with the file's name in place of its path. */
async function complaintOf(name: string, text: string): Promise<string> {
  await using folder = await openFolder();
  const path = await folder.write(name, text);
  const error = await loadScenario(path).then(
    () => assert.fail('it was taken'),
    (cause: unknown) => cause as Error & { code?: string },
  );
  assert.equal(error.code, 'invalid_scenario');
  return error.message.replaceAll(path, name);
}

describe('loadScenario()', () => {
  const scenario = { otherwise: 'builtin', rules: [{ when: { turn: 1 }, reply: 'one\n"two"' }] };

  test('reads YAML, and JSON with tabs', async () => {
    await using folder = await openFolder();
    const yaml = 'otherwise: builtin\nrules:\n  - when: { turn: 1 }\n    reply: |-\n      one\n      "two"\n';
    assert.deepEqual(await loadScenario(await folder.write('a.yaml', yaml)), scenario);
    assert.deepEqual(
      await loadScenario(await folder.write('a.json', JSON.stringify(scenario, null, '\t'))),
      scenario,
    );
  });

  test('takes the path of a recording from the folder of the file', async () => {
    await using folder = await openFolder();
    const recording = 'event: message_stop\ndata: {"type":"message_stop"}\n\n';
    await folder.write('a.sse', recording);
    const path = await folder.write('a.yaml', 'rules:\n  - replies: [{ recording: a.sse }]\n');
    await using simulator = createSimulator({ speed: 0, scenario: await loadScenario(path) });
    const response = await simulator.fetch('https://api.anthropic.com/v1/messages', {
      method: 'POST',
      headers: { 'anthropic-version': '2026-10-21' },
      body: JSON.stringify(toBody('Hi', { stream: true })),
    });
    assert.equal(await response.text(), recording);
  });

  test('says all that is wrong, each with its line, its field, the value present and the value wanted', async () => {
    const text = [
      'otherwize: error',
      'rules:',
      '  - name: 5',
      '    wehn: {}',
      '    when: { user: { contain: weather }, turn: 0, toolResult: 7 }',
      '    reply:',
      '      content:',
      '        - { type: tool_use, input: [] }',
      '      stop_reson: x',
      '  - when: { user: { matches: "(" } }',
      '    reply: { status: 200 }',
      '  - faults: cut atByte=x',
      '  - {}',
      '  - replies: []',
      '    times: 2',
      '  - reply: { answer: markdown, content: x }',
      '  - reply: { contnt: x }',
      '  - reply: { content: x, delayMs: 7200000 }',
    ].join('\n');
    const replyFields =
      'content, id, type, role, model, stop_reason, stop_sequence, stop_details, container, usage, delayMs, gapMs';
    assert.deepEqual((await complaintOf('a.yaml', text)).split('\n  '), [
      'Cannot use the scenario:',
      'a.yaml:1:12 otherwize: no such field; did you mean otherwise? (there are otherwise, rules)',
      'a.yaml:3:11 rules[0].name: found 5; wanted: a text',
      'a.yaml:4:11 rules[0].wehn: no such field; did you mean when? (there are name, when, reply, replies, times, faults)',
      'a.yaml:5:30 rules[0].when.user.contain: no such field; did you mean contains? (there are is, contains, matches, flags)',
      "a.yaml:5:19 rules[0].when.user: found { contain: 'weather' }; wanted: one of is, contains and matches at least",
      'a.yaml:5:47 rules[0].when.turn: found 0; wanted: a whole number from 1',
      'a.yaml:5:62 rules[0].when.toolResult: found 7; wanted: true, false, the name of a tool, or an object with tool, content or isError',
      'a.yaml:8:11 rules[0].reply.content[0].name: missing; wanted: a text',
      'a.yaml:8:36 rules[0].reply.content[0].input: found []; wanted: an object',
      `a.yaml:9:19 rules[0].reply.stop_reson: no such field; did you mean stop_reason? (there are ${replyFields})`,
      'a.yaml:10:30 rules[1].when.user.matches: "(" is no regular expression: Invalid regular expression: /(/: Unterminated group',
      'a.yaml:11:22 rules[1].reply.status: found 200; wanted: a whole number from 400 to 599',
      'a.yaml:12:13 rules[2].faults: faults.0.atByte: Input should be a valid integer',
      'a.yaml:13:5 rules[3]: a rule needs one of reply, replies and faults',
      'a.yaml:14:14 rules[4].replies: found []; wanted: one reply at least',
      'a.yaml:15:12 rules[4].times: replies are given once each: times belongs to reply',
      'a.yaml:16:12 rules[5].reply: only one of content, answer can be given',
      'a.yaml:17:22 rules[6].reply.contnt: no such field; did you mean content? (there are content, answer, status, recording)',
      'a.yaml:18:35 rules[7].reply.delayMs: found 7200000; wanted: a number of milliseconds from 0 to 3600000',
    ]);
  });

  test('says of every recording that is missing where it stands, beside all else that is wrong', async () => {
    const text = [
      'rules:',
      '  - reply: { recording: gone.sse }',
      '  - replies: [well, { recording: . }]',
      '    name: 5',
    ].join('\n');
    const lines = (await complaintOf('a.yaml', text)).split('\n  ');
    assert.deepEqual(lines.slice(0, 2), [
      'Cannot use the scenario:',
      'a.yaml:4:11 rules[1].name: found 5; wanted: a text',
    ]);
    assert.match(lines[2] ?? '', /^a\.yaml:2:25 rules\[0\]\.reply\.recording: ENOENT: .*gone\.sse'$/);
    assert.match(lines[3] ?? '', /^a\.yaml:3:34 rules\[1\]\.replies\[1\]\.recording: .* is no file$/);
    assert.equal(lines.length, 4);
  });

  const single: readonly [name: string, text: string, complaint: string][] = [
    [
      'usage.json',
      '{"rules": [{"reply": {"content": "x", "usage": {"output_tokens": "3", "service_tier": "batch"}}}]}',
      'usage.json:1:66 rules[0].reply.usage.output_tokens: found "3"; wanted: a whole number from 0',
    ],
    [
      'a.json',
      '{"rules": [{"reply": 5}]}',
      'a.json:1:22 rules[0].reply: found 5; wanted: a text, or an object with content, answer, status, recording',
    ],
    ['cut.json', '{"rules": []', 'cut.json:1:13 Flow map must end with a }'],
    ['twice.yaml', 'rules: []\nrules: []\n', 'twice.yaml:2:1 Map keys must be unique'],
    ['empty.yaml', '', 'empty.yaml:1:1 found null; wanted: an object with otherwise, rules'],
    ['none.yaml', 'otherwise: error\n', 'none.yaml:1:1 rules: missing'],
    [
      'refuse.yaml',
      'rules:\n  - faults: { kind: refuse }\n',
      "refuse.yaml:2:13 rules[0].faults: 'refuse' is only possible by option, not by request",
    ],
  ];
  for (const [name, text, complaint] of single) {
    test(`says in one line what is wrong with ${name}`, async () => {
      const said = await complaintOf(name, text);
      assert.equal(said.split('\n')[0]?.replace('Cannot use the scenario: ', ''), complaint);
    });
  }

  test('says of a thousand problems twenty, and how many more there are', async () => {
    const said = await complaintOf('a.yaml', `rules:\n${'  - 5\n'.repeat(1000)}`);
    assert.equal(said.split('\n').length, 22);
    assert.match(said, /… and 980 more$/);
  });

  test('ends on aliases that hold themselves and on those that grow without end', async () => {
    assert.match(await complaintOf('a.yaml', 'rules: &a [*a]\n'), /rules\[0\]: found .*wanted: an object/);
    const lines = ['a0: &a0 [x, x]'];
    for (let level = 1; level < 30; level += 1) {
      lines.push(`a${level}: &a${level} [*a${level - 1}, *a${level - 1}, *a${level - 1}]`);
    }
    assert.match(await complaintOf('b.yaml', lines.join('\n')), /Excessive alias count/);
  });

  test('rejects with the system’s error when there is no file', async () => {
    await assert.rejects(loadScenario('/nowhere/a.yaml'), { code: 'ENOENT' });
  });
});

test('createSimulator() throws for a scenario that is none, and names the recording that is missing', () => {
  assert.throws(() => createSimulator({ scenario: [{ reply: { recording: '/nowhere.sse' } }] }), {
    code: 'invalid_scenario',
    message: /^Cannot use the scenario: rules\[0\]\.reply\.recording: ENOENT.*nowhere\.sse/,
  });
  assert.throws(() => createSimulator({ scenario: 5 as never }), /found 5; wanted: an object/);
});
