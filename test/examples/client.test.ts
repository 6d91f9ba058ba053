// Every program of examples/client, run as its head says, and what it prints.

import assert from 'node:assert/strict';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import { startSimulator } from 'millrace/simulator';
import { examplesFolder, runExampleProgram } from './example-program.ts';
import { startForwardProxy } from './forward-proxy.ts';
import { createSelfSigned } from '../support/self-signed.ts';
import { startTlsFront } from './tls-front.ts';

const millRace = `A mill race is the channel that leads water to a mill wheel.
The head race brings it, the tail race takes it away.
`;

/** What an example prints without a key: all of it, or what all of it looks like. */
const outputs: Readonly<Record<string, string | RegExp>> = {
  'basic-text': millRace,
  'smooth-text': millRace,
  'small-client': `${millRace}[complete, 1 request]\n`,
  'final-message': `text: ${millRace}stopped for: end_turn\n`,
  'all-events':
    /^message_start claude-sonnet-5\ncontent_block_start 0 text\nping\n(?:content_block_delta 0 \{"type":"text_delta","text":".+"\}\n)+content_block_stop 0\nmessage_delta end_turn [0-9]+ tokens\nmessage_stop\n$/,
  'manual-iteration': `1 message_start
2 content_block_start
3 ping
4 content_block_delta
5 content_block_delta
aborted
`,
  snapshot:
    /^(?:[0-9]+ characters, with ".+"\n)*114 characters, with ".*away\."\n1 block, stop_reason null\nstop_reason end_turn\n$/,
  'system-prompt': 'Arr! The water runs down the race and turns the wheel, matey.\n',
  'multi-turn': `> My name is Ann.
Hello Ann!
> What is my name?
Your name is Ann.
4 turns, 4 messages for the next request
`,
  thinking: `"All but 9" run away, so these 9 stay.
[end of thinking]
Nine sheep are left.
[end of text]
thinking, text
`,
  'tool-use': `→ get_weather({"city":"Lisbon"})
→ get_weather({"city":"Paris"})
← {"city":"Lisbon","sky":"rain"}
← {"city":"Paris","sky":"sun"}
Take an umbrella to Lisbon; Paris stays dry.
`,
  'structured-output':
    /^(?:(?:undefined|O.*) [0-3]\n)+Onion soup, 45 minutes: Slice the onions; Brown them slowly; Add broth\n$/,
  'concurrent-streams':
    /^0 of 3\n(?:[012] of 3\n)+3 of 3\ncomplete It brings the water to the wheel\. [0-9]+\ncomplete It lets the water in, or keeps it out\. [0-9]+\ncomplete It takes the water away\. [0-9]+\n$/,
  'token-usage':
    /^before: ([0-9]+) tokens in\nmessage_start: \1 in, [0-9]+ out\nmessage_delta: \1 in, [0-9]+ out\nafter: [0-9]+ tokens in 1 request\n$/,
  'error-handling':
    /^The API said no: 404 not_found_error req_\w+\n {2}failed, 0 blocks, 1 attempts\nNo connection: connect\n {2}failed, 0 blocks, 2 attempts\nToo slow: total_timeout 1\n {2}stalled, 0 blocks, 1 attempts\n$/,
  'raw-response': /^200 text\/event-stream; charset=utf-8 req_\w+\n114 characters\nevent: message_start\n$/,
  proxy: millRace,
};

/** Those that need more than to be started have a test of their own, below. */
const withTestOfTheirOwn = ['interrupt'];

describe('examples/client, without a key', { concurrency: 4 }, () => {
  for (const [name, output] of Object.entries(outputs)) {
    test(`${name}.ts prints what it is about`, async () => {
      const { stdout, stderr, ended } = await runExampleProgram(name);
      if (typeof output === 'string') assert.equal(stdout, output);
      else assert.match(stdout, output);
      assert.equal(stderr, 'No ANTHROPIC_API_KEY is set: the simulator answers.\n\n');
      assert.equal(ended, 0);
    });
  }
});

test('each file of examples/client has a test, says how it is run, and stands in examples/README.md', () => {
  const names = globSync('*.ts', { cwd: examplesFolder }).map((file) => basename(file, '.ts'));
  const programs = names.filter((name) => name !== 'without-key').toSorted();
  assert.deepEqual([...Object.keys(outputs), ...withTestOfTheirOwn].toSorted(), programs);
  const list = readFileSync(join(examplesFolder, '../README.md'), 'utf8');
  for (const name of programs) {
    const program = readFileSync(join(examplesFolder, `${name}.ts`), 'utf8');
    assert.match(program, new RegExp(`^// [^]*Run it: npx node examples/client/${name}\\.ts`), name);
    assert.ok(program.includes("\nimport './without-key.ts';\n"), name);
    assert.ok(list.includes(`(client/${name}.ts)`), `${name} is in the list`);
  }
});

test('with a key in the environment an example asks the API, and starts no simulator', async () => {
  await using api = await startSimulator({ speed: 0 });
  api.reply('This is the API.');
  const env = { ANTHROPIC_API_KEY: 'sk-ant-key', ANTHROPIC_BASE_URL: api.url };
  const { stdout, stderr } = await runExampleProgram('basic-text', { env });
  assert.deepEqual({ stdout, stderr }, { stdout: 'This is the API.\n', stderr: '' });
});

test('interrupt.ts stops in the middle of its answer at SIGINT, closes the connection and keeps what had come', async () => {
  const beginning = 'Once upon a time there was a mill, and it stood';
  // The answer never ends by itself: it is the signal that ends it.
  await using api = await startSimulator({
    speed: 0,
    scenario: [{ reply: `${beginning} still.`, faults: 'split 1; stall atEvent=6' }],
  });
  let signals = 0;
  const { stdout, stderr, ended } = await runExampleProgram('interrupt', {
    env: { ANTHROPIC_API_KEY: 'any', ANTHROPIC_BASE_URL: api.url },
    onOutput: (text, interrupt) => {
      if (text === '' || signals > 0) return;
      signals += 1;
      interrupt();
    },
  });
  const [, text = '', kept] = /^(.+)\n\[aborted, ([0-9]+) characters kept\]\n$/.exec(stdout) ?? [];
  assert.ok(text !== '' && `${beginning} still.`.startsWith(text), stdout);
  assert.equal(Number(kept), text.length);
  assert.deepEqual({ stderr, ended, signals }, { stderr: '', ended: 0, signals: 1 });
  assert.equal(await api.requests[0]?.closed, 'aborted');
});

test('proxy.ts goes through the proxy that is named, and through that of the environment', async () => {
  await using api = await startSimulator({ speed: 0 });
  await using proxy = await startForwardProxy();
  const key = { ANTHROPIC_API_KEY: 'any', ANTHROPIC_BASE_URL: api.url };
  for (const how of [{ env: key, args: [proxy.url] }, { env: { ...key, HTTP_PROXY: proxy.url } }]) {
    api.reply('Through the proxy.');
    const { stdout, stderr, ended } = await runExampleProgram('proxy', how);
    assert.deepEqual({ stdout, stderr, ended }, { stdout: 'Through the proxy.\n', stderr: '', ended: 0 });
  }
  assert.deepEqual(proxy.forwarded, [`POST ${api.url}/v1/messages`, `POST ${api.url}/v1/messages`]);
});

test('proxy.ts asks an API behind TLS through a tunnel of the proxy', async () => {
  await using api = await startSimulator({ speed: 0 });
  api.reply('Through the tunnel.');
  await using proxy = await startForwardProxy();
  const certificate = createSelfSigned();
  await using front = await startTlsFront(api.url, certificate);
  const folder = mkdtempSync(join(tmpdir(), 'millrace-tls-'));
  try {
    const trusted = join(folder, 'trusted.pem');
    writeFileSync(trusted, certificate.cert);
    const key = { ANTHROPIC_API_KEY: 'any', ANTHROPIC_BASE_URL: front.url };
    const env = { ...key, HTTPS_PROXY: proxy.url, NODE_EXTRA_CA_CERTS: trusted };
    const { stdout, stderr, ended } = await runExampleProgram('proxy', { env });
    assert.deepEqual({ stdout, stderr, ended }, { stdout: 'Through the tunnel.\n', stderr: '', ended: 0 });
    assert.deepEqual(proxy.forwarded, [`CONNECT ${new URL(front.url).host}`]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
