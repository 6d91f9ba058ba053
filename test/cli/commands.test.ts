import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import type { OutgoingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { MessageAccumulator, parseStreamEvent, SseDecoder } from 'millrace/protocol';
import { startSimulator } from 'millrace/simulator';
import packageJson from '../../package.json' with { type: 'json' };
import { runProgram, startProgram } from '../support/program.ts';
import { cleanEnd, startRawServer, streamResponse } from '../support/raw-server.ts';
import type { RawAnswer } from '../support/raw-server.ts';
import { messageEnd, messageStart, sse, textEvents } from '../support/streams.ts';

const params = {
  model: 'claude-sonnet-5',
  max_tokens: 300,
  messages: [{ role: 'user' as const, content: 'echo hi' }],
};
const sdk = (baseURL: string) => new Anthropic({ apiKey: 'k', baseURL, maxRetries: 0 });

test('millrace serve without a key serves the simulator’s answers and says so', async () => {
  await using program = await startProgram(['serve', '--port', '0']);
  await program.waitFor(/built-in simulator, not from Claude/);
  assert.equal(await sdk(program.url).messages.stream(params).finalText(), 'hi');
  const settings = (await (await fetch(`${program.url}/relay.json`)).json()) as {
    simulated: boolean;
    version: string;
  };
  assert.deepEqual([settings.simulated, settings.version], [true, packageJson.version]);
  const page = await fetch(program.url);
  assert.match(page.headers.get('content-type') ?? '', /text\/html/);
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/);
});

test('millrace serve --upstream asks there, with the key of the environment', async () => {
  await using simulator = await startSimulator({ speed: 0, requireKey: true });
  const env = { ANTHROPIC_API_KEY: 'relay-key-0123456789' };
  await using program = await startProgram(['serve', '--port', '0', '--upstream', `${simulator.url}/`], {
    env,
  });
  assert.equal(await sdk(program.url).messages.stream(params).finalText(), 'hi');
  assert.match(simulator.requests[0]?.headers['authorization'] ?? '', /6789$/);
  assert.doesNotMatch(program.stdout + program.stderr, /relay-key/);
  assert.doesNotMatch(await (await fetch(`${program.url}/relay.json`)).text(), /relay-key/);
});

test('millrace serve --store memory ends streams with an error event and exits 0 at SIGTERM, when they get no time', async () => {
  await using program = await startProgram(['serve', '--port', '0', '--drain', '0', '--store', 'memory']);
  const response = await ask(program.url, 'long 5000');
  assert.equal(response.status, 200);
  program.signal('SIGTERM');
  assert.match(await response.text(), /"code":"stopped"/);
  assert.equal(await program.ended, 0, program.stderr);
});

const ask = (url: string, prompt: string): Promise<Response> =>
  fetch(`${url}/streams`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ messages: [{ role: 'user', content: prompt }] }),
  });

test('millrace serve ends streams at once at SIGINT, whatever time SIGTERM gives', async () => {
  await using program = await startProgram(['serve', '--port', '0', '--drain', '3600']);
  const response = await ask(program.url, 'long 5000');
  program.signal('SIGINT');
  assert.match(await response.text(), /"code":"stopped"/);
  assert.equal(await program.ended, 0, program.stderr);
});

test('millrace serve --keep 0 gives who reads an answer its end', async () => {
  await using program = await startProgram(['serve', '--port', '0', '--store', 'memory', '--keep', '0']);
  const text = await (await ask(program.url, 'echo one two')).text();
  assert.match(text, /event: message_stop\n.*"type":"end","ending":\{"type":"complete"\}.*\n\n$/s);
});

test('millrace serve lets answers come to their end at SIGTERM, and takes no new ones', async () => {
  await using program = await startProgram(['serve', '--port', '0', '--drain', '3600']);
  const response = await ask(program.url, 'long 40');
  const id = response.headers.get('x-stream-id');
  program.signal('SIGTERM');
  let ready = await fetch(`${program.url}/readyz`);
  while (ready.status === 200) ready = await fetch(`${program.url}/readyz`);
  assert.equal(ready.status, 503);
  const refused = await ask(program.url, 'echo more');
  assert.deepEqual([refused.status, refused.headers.get('x-should-retry')], [503, 'true']);
  const follower = await fetch(`${program.url}/streams/${id}`, { headers: { accept: 'text/event-stream' } });
  for (const text of [await response.text(), await follower.text()])
    assert.match(text, /event: message_stop/);
  assert.equal(await program.ended, 0, program.stderr);
});

test('millrace serve --no-recover that was killed ends its answers when it is started again, and keeps what came', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-serve-'));
  try {
    const store = ['--store', `sqlite:${join(folder, 'deep', 'relay.db')}`];
    await using killed = await startProgram(['serve', '--port', '0', ...store]);
    await killed.waitFor(/^answers are kept in .*deep\/relay\.db$/m);
    const response = await ask(killed.url, 'long 5000');
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let seen = '';
    while (!seen.includes('content_block_delta')) seen += (await reader.read()).value ?? '';
    await using second = runProgram(['serve', '--port', '0', ...store]);
    assert.equal(await second.ended, 1);
    assert.match(second.stderr, /relay\.db: another process has it open.*--store memory\n$/);
    killed.signal('SIGKILL');
    assert.equal(await killed.ended, 'SIGKILL');

    await using again = await startProgram(['serve', '--port', '0', '--no-recover', ...store]);
    const headers = { accept: 'text/event-stream' };
    const url = `${again.url}/streams/${response.headers.get('x-stream-id')}`;
    const text = await (await fetch(url, { headers })).text();
    const whole = seen.slice(0, seen.lastIndexOf('\n\n') + 2);
    assert.ok(text.startsWith(whole), 'what a reader saw is still there');
    assert.match(text, /\nevent: error\n.*"code":"interrupted".*\n\n$/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('millrace serve that was killed goes on with its answers when it is started again', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-serve-'));
  try {
    await using simulator = await startSimulator({ pace: { firstByteMs: 0, tokensPerSecond: 500 } });
    const args = ['serve', '--port', '0', '--upstream', simulator.url];
    args.push('--store', `sqlite:${join(folder, 'relay.db')}`);
    const env = { ANTHROPIC_API_KEY: 'sk-test' };
    await using unbroken = await startProgram([...args.slice(0, -2), '--store', 'memory'], { env });
    const wanted = textOf(await (await ask(unbroken.url, 'long 300')).text());
    await using killed = await startProgram(args, { env });
    const response = await ask(killed.url, 'long 300');
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let seen = '';
    while (seen.split('event: content_block_delta').length < 9) seen += (await reader.read()).value ?? '';
    killed.signal('SIGKILL');
    assert.equal(await killed.ended, 'SIGKILL');
    await using again = await startProgram(args, { env });
    const url = `${again.url}/streams/${response.headers.get('x-stream-id')}`;
    const text = await (await fetch(url, { headers: { accept: 'text/event-stream' } })).text();
    assert.ok(
      text.startsWith(seen.slice(0, seen.lastIndexOf('\n\n') + 2)),
      'what a reader saw is still there',
    );
    assert.match(text, /"type":"further_attempt"/);
    assert.match(text, /event: message_stop\n/);
    assert.equal(textOf(text), wanted);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('millrace serve has flags for the limits of calls to upstream, and refuses what is no limit', async () => {
  const silent: RawAnswer = { bytes: '', then: 'hold' };
  const begun: RawAnswer = {
    bytes: streamResponse(sse(messageStart, ...textEvents(0, 'The wheel').slice(0, -1))),
    then: 'hold',
  };
  for (const [flags, answer, code, requests] of [
    [['--headers-timeout', '50', '--max-retries', '1'], silent, 'headers_timeout', 2],
    [['--idle-timeout', '50', '--max-retries', '0', '--max-recoveries', '0'], begun, 'idle_timeout', 1],
    [
      ['--progress-timeout', '50', '--max-retries', '0', '--max-recoveries', '1'],
      begun,
      'progress_timeout',
      1,
    ],
    [['--total-timeout', '50'], begun, 'total_timeout', 1],
  ] as const) {
    await using upstream = await startRawServer(() => answer);
    const args = ['serve', '--port', '0', '--store', 'memory', '--upstream', upstream.url, ...flags];
    await using program = await startProgram(args, { env: { ANTHROPIC_API_KEY: 'sk-test' } });
    const started = await fetch(`${program.url}/streams`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ messages: [{ role: 'user', content: 'x' }] }),
    });
    const { id } = (await started.json()) as { id: string };
    const text = await (
      await fetch(`${program.url}/streams/${id}`, { headers: { accept: 'text/event-stream' } })
    ).text();
    assert.match(text, new RegExp(`"code":"${code}"`));
    // One for each: a request that is given up at once may be none yet for who receives it.
    while (upstream.closedConnections < requests) await new Promise(setImmediate);
    assert.equal(upstream.closedConnections, requests, flags.join(' '));
  }
  for (const [flag, value, wanted] of [
    ['--connect-timeout', '0', 'a whole number from 1'],
    ['--idle-timeout', '1.5', 'a whole number from 1'],
    ['--total-timeout', 'none', 'a whole number from 1'],
    ['--max-retries', '-1', 'a whole number from 0'],
    ['--max-recoveries', 'x', 'a whole number from 0'],
  ] as const) {
    await using program = runProgram(['serve', `${flag}=${value}`]);
    assert.equal(await program.ended, 2);
    assert.match(program.stderr, new RegExp(`${flag} .*${value}.*${wanted}`));
  }
});

test('millrace serve leaves its answers to the next one at SIGTERM, also twice, and readers miss nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-serve-'));
  try {
    await using simulator = await startSimulator({ pace: { firstByteMs: 0, tokensPerSecond: 500 } });
    const args = ['serve', '--port', '0', '--drain', '0', '--upstream', simulator.url];
    const env = { ANTHROPIC_API_KEY: 'sk-test' };
    await using unbroken = await startProgram([...args, '--store', 'memory'], { env });
    const wanted = textOf(await (await ask(unbroken.url, 'long 600')).text());
    args.push('--store', `sqlite:${join(folder, 'relay.db')}`);
    let seen = '';
    let id: string | null = null;
    for (const round of [1, 2]) {
      await using going = await startProgram(args, { env });
      const response: Response =
        id === null ? await ask(going.url, 'long 600') : await comeBack(going.url, id, seen);
      id ??= response.headers.get('x-stream-id');
      const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
      while (seen.split('event: content_block_delta').length <= 8 * round)
        seen += (await reader.read()).value ?? '';
      going.signal('SIGTERM');
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) seen += piece.value;
      assert.match(seen, /\n\nevent: millrace\ndata: .*"type":"reconnect".*\n\n$/);
      assert.equal(await going.ended, 0, going.stderr);
      assert.match(going.stderr, /"ending":"handed_over"/);
    }
    await using last = await startProgram(args, { env });
    seen += await (await comeBack(last.url, id ?? '', seen)).text();
    assert.equal(textOf(seen), wanted);
    const numbers = [...seen.matchAll(/^id: [0-9]+-([0-9]+)$/gm)].map(([, number]) => Number(number));
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => index + 1),
    );
    assert.match(seen, /event: message_stop\n/);
    assert.equal(simulator.requests.length, 4, 'one for each process');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** Reads a stream behind what was seen of it. */
function comeBack(url: string, id: string, seen: string): Promise<Response> {
  const lastId = [...seen.matchAll(/^id: ([0-9]+-[0-9]+)$/gm)].at(-1)?.[1] ?? '';
  return fetch(`${url}/streams/${id}`, { headers: { accept: 'text/event-stream', 'last-event-id': lastId } });
}

/** The text of an answer, from its frames. */
function textOf(frames: string): string {
  const accumulator = new MessageAccumulator();
  for (const frame of new SseDecoder().push(frames)) accumulator.push(parseStreamEvent(frame));
  return (accumulator.message?.content ?? [])
    .map((block) => (block.type === 'text' ? block.text : ''))
    .join('');
}

test('millrace serve warns of a break that was mended, and calls an error what a reader saw', async () => {
  const begun = sse(messageStart, ...textEvents(0, 'The wheel ', 'turns').slice(0, -1));
  const rest = sse(messageStart, ...textEvents(0, ' on.'), ...messageEnd);
  await using upstream = await startRawServer((request) => ({
    bytes: streamResponse(request.includes('interrupted') ? rest : begun) + cleanEnd,
    then: 'hold',
  }));
  for (const [flags, wanted, unwanted] of [
    [[], /"level":"warn".*"attempt":1,"code":"\w+","action":"recovery","msg":"break"/, /"level":"error"/],
    [['--no-recover'], /"level":"error".*"msg":"error"/, /"level":"warn"/],
  ] as const) {
    const args = ['serve', '--port', '0', '--store', 'memory', '--upstream', upstream.url, ...flags];
    await using program = await startProgram(args, { env: { ANTHROPIC_API_KEY: 'sk-test' } });
    await (await ask(program.url, 'x')).text();
    program.signal('SIGINT');
    assert.equal(await program.ended, 0, program.stderr);
    assert.match(program.stderr, wanted);
    assert.doesNotMatch(program.stderr, unwanted);
  }
});

test('millrace serve keeps answers in the state folder, and says so when it cannot', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-serve-'));
  try {
    const env = { XDG_STATE_HOME: folder };
    await using program = await startProgram(['serve', '--port', '0'], { env });
    await program.waitFor(/^answers are kept in (.*)$/m);
    assert.equal(statSync(join(folder, 'millrace', 'relay.db')).mode & 0o777, 0o600);
    writeFileSync(join(folder, 'file'), '');
    await using without = await startProgram(['serve', '--port', '0'], {
      env: { XDG_STATE_HOME: join(folder, 'file') },
    });
    await without.waitFor(/^answers are kept in memory, and end with this process$/m);
    assert.match(
      without.stderr,
      /Cannot open the store .*file\/millrace\/relay\.db: .*ENOTDIR.*--store sqlite:PATH/,
    );
    await using named = runProgram([
      'serve',
      '--port',
      '0',
      '--store',
      `sqlite:${join(folder, 'file', 'x.db')}`,
    ]);
    assert.equal(await named.ended, 1, 'a file that was named is not replaced by memory');
    assert.match(named.stderr, /file\/x\.db: the system does not let/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('millrace simulate serves a Messages API and ends at SIGINT', async () => {
  await using program = await startProgram(['simulate', '--port', '0', '--speed', '0', '--seed', '3']);
  assert.equal(await sdk(program.url).messages.stream(params).finalText(), 'hi');
  program.signal('SIGINT');
  assert.equal(await program.ended, 0, program.stderr);
});

test('millrace simulate --scenario answers by the rules of a file, and says what is wrong with one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-cli-'));
  const file = join(folder, 'a.yaml');
  try {
    writeFileSync(file, 'rules:\n  - reply: from the file\n');
    await using program = await startProgram(['simulate', '--port', '0', '--speed', '0', '--scenario', file]);
    assert.equal(await sdk(program.url).messages.stream(params).finalText(), 'from the file');
    writeFileSync(file, 'rules:\n  - repply: x\n  - reply: 5\n');
    await using broken = runProgram(['simulate', '--port', '0', '--scenario', file]);
    assert.equal(await broken.ended, 1);
    assert.match(broken.stderr, /a\.yaml:2:13 rules\[0\]\.repply: no such field; did you mean reply\?/);
    assert.match(broken.stderr, /a\.yaml:3:12 rules\[1\]\.reply: found 5/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('millrace simulate --host listens elsewhere, --require-key refuses who has none', async () => {
  const args = ['simulate', '--port', '0', '--host', '0.0.0.0', '--require-key'];
  await using program = await startProgram(args);
  const statusWith = (more: OutgoingHttpHeaders): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      const headers = { host: 'simulator.example', 'anthropic-version': '2026-10-21', ...more };
      const asking = httpRequest(`${program.url}/v1/models`, { headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      asking.once('error', reject).end();
    });
  assert.equal(await statusWith({}), 401);
  assert.equal(await statusWith({ 'x-api-key': 'any' }), 200);
});

test('millrace simulate --fault breaks every answer, again and again', async () => {
  const args = ['simulate', '--port', '0', '--speed', '0', '--fault', 'split 3'];
  await using program = await startProgram([
    ...args,
    '--fault',
    '{"kind": "status", "status": 529, "times": 1}',
  ]);
  await assert.rejects(sdk(program.url).messages.stream(params).finalText(), /Overloaded/);
  assert.equal(await sdk(program.url).messages.stream(params).finalText(), 'hi');
});

test('millrace simulate --seam repeat says the last words again when it is asked to go on', async () => {
  await using program = await startProgram(['simulate', '--port', '0', '--speed', '0', '--seam', 'repeat']);
  const messages = [
    { role: 'user' as const, content: 'echo one two' },
    { role: 'assistant' as const, content: 'one' },
    { role: 'user' as const, content: 'Continue.' },
  ];
  assert.equal(
    await sdk(program.url)
      .messages.stream({ ...params, messages })
      .finalText(),
    'one two',
  );
});

test('millrace simulate ends at SIGHUP, as at SIGTERM', async () => {
  for (const signal of ['SIGHUP', 'SIGTERM'] as const) {
    await using program = await startProgram(['simulate', '--port', '0']);
    program.signal(signal);
    assert.equal(await program.ended, 0, program.stderr);
  }
});

test('millrace serves on when nobody reads its stdout and stderr', async () => {
  await using program = await startProgram(['serve', '--port', '0', '--upstream', 'http://127.0.0.1:9']);
  program.closeStdout();
  program.closeStderr();
  const body = JSON.stringify(params);
  // Each is an error that goes to stderr.
  for (let times = 0; times < 3; times += 1) {
    const response = await fetch(`${program.url}/v1/messages`, { method: 'POST', body });
    assert.equal(response.status, 502);
    assert.doesNotMatch(await response.text(), /127\.0\.0\.1/);
  }
  program.signal('SIGTERM');
  assert.equal(await program.ended, 0);
});

test('millrace says in one line why it cannot start', async () => {
  await using simulator = await startSimulator();
  for (const [args, said] of [
    [['serve', '--port', String(simulator.port)], /port [0-9]+ is in use; choose another with --port/],
    [['simulate', '--port', String(simulator.port)], /in use/],
    [['serve', '--upstream', 'ftp://example'], /must begin with http/],
    [['serve', '--upstream', 'http://name:secret@127.0.0.1:9'], /must not hold a user or password/],
    [['serve', '--upstream', 'http://127.0.0.1:9/?key=secret'], /must end with its path/],
    [['simulate', '--replay', '/nowhere.sse'], /nowhere\.sse/],
    [['simulate', '--replay', 'package.json'], /package\.json: millraceRecording/],
    [['record', '--out', '/dev/null/x'], /Cannot record to \/dev\/null\/x/],
    [['record', '--out', '/nowhere', '--upstream', 'http://name:secret@x'], /must not hold a user/],
    [['simulate', '--scenario', '/nowhere.yaml'], /nowhere\.yaml/],
    [['simulate', '--fault', 'cut 100 by=rts'], /faults\.0\.by: Input should be 'fin', 'rst'/],
  ] as const) {
    await using program = runProgram(args);
    assert.equal(await program.ended, 1, args.join(' '));
    assert.match(program.stderr, said);
    assert.doesNotMatch(program.stderr, /secret/);
    assert.equal(program.stderr.trim().split('\n').length, 1, program.stderr);
  }
});

test('millrace exits 2 with usage at a wrong flag, value, command or argument', async () => {
  for (const args of [
    ['serve', '--prot', '1'],
    ['serve', '--port', 'http'],
    ['serve', '--port', '65536'],
    ['serve', '--port', '-1'],
    ['serve', '--port', ''],
    ['serve', 'extra'],
    ['serve', '--store', 'sqlite:'],
    ['serve', '--store', 'redis'],
    ['serve', '--drain', '-1'],
    ['simulate', '--speed', 'fast'],
    ['simulate', '--seed', '1.5'],
    ['simulate', '--match', 'nearly'],
    ['record'],
    ['ask', '--max-tokens', '0', 'x'],
    ['frobnicate'],
    [],
  ]) {
    await using program = runProgram(args);
    assert.equal(await program.ended, 2, args.join(' '));
    assert.match(program.stderr, /Usage: millrace/, args.join(' '));
  }
});

test('millrace --help and --version exit 0', async () => {
  await using help = runProgram(['--help']);
  assert.equal(await help.ended, 0);
  for (const command of ['serve', 'ask', 'simulate', 'record'])
    assert.match(help.stdout, new RegExp(`^ {2}${command} `, 'm'));
  await using version = runProgram(['--version']);
  assert.equal(await version.ended, 0);
  assert.equal(version.stdout.trim(), packageJson.version);
});

test('millrace serve logs requests, endings, breaks and errors as lines of JSON, and no word, key, cookie or query', async () => {
  const canary = 'canary-0123456789';
  for (const upstream of [[], ['--upstream', 'http://127.0.0.1:9']]) {
    const env: Record<string, string> = upstream.length > 0 ? { ANTHROPIC_API_KEY: `sk-ant-${canary}` } : {};
    await using program = await startProgram(
      ['serve', '--port', '0', '--store', 'memory', '--log-level', 'debug', ...upstream],
      { env },
    );
    const message = { role: 'user', content: canary };
    for (const [path, body] of [
      ['/v1/messages', { ...params, messages: [message], stream: true }],
      ['/v1/messages', { ...params, messages: [message] }],
      ['/v1/messages/count_tokens', { ...params, messages: [message] }],
      ['/streams', { messages: [message], [canary]: canary }],
      ['/chat/stream', { message: canary }],
      [`/${canary}`, {}],
    ] as const) {
      const response = await fetch(`${program.url}${path}?token=${canary}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'anthropic-version': '2023-06-01',
          'x-api-key': `sk-ant-${canary}`,
          authorization: `Bearer ${canary}`,
          cookie: canary,
        },
        body: JSON.stringify(body),
      });
      await response.text();
    }
    await (await fetch(`${program.url}/healthz`)).text();
    program.signal('SIGTERM');
    assert.equal(await program.ended, 0);
    const lines = program.stderr.trimEnd().split('\n');
    const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    const kinds = new Set(entries.map(({ msg }) => msg));
    assert.deepEqual(
      kinds,
      new Set(['request', 'stream', ...(upstream.length > 0 ? ['break', 'error'] : [])]),
    );
    assert.equal(entries.filter(({ msg }) => msg === 'request').length, 7);
    for (const { time, level } of entries) {
      assert.match(String(time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
      assert.match(String(level), /^(?:debug|info|warn|error)$/);
    }
    assert.doesNotMatch(program.stderr, /canary|sk-ant/);
  }
});

test('millrace serve --log-level says how much is logged', async () => {
  for (const [level, wanted] of [
    ['silent', []],
    ['error', ['error']],
    ['info', ['error', 'request', 'stream']],
  ] as const) {
    await using program = await startProgram([
      'serve',
      '--port',
      '0',
      '--store',
      'memory',
      '--log-level',
      level,
      '--upstream',
      'http://127.0.0.1:9',
    ]);
    const body = JSON.stringify({ ...params, stream: true });
    await (await fetch(`${program.url}/v1/messages`, { method: 'POST', body })).text();
    await (await fetch(`${program.url}/readyz`)).text();
    program.signal('SIGTERM');
    assert.equal(await program.ended, 0);
    const lines = program.stderr === '' ? [] : program.stderr.trimEnd().split('\n');
    const kinds = lines.map((line) => String((JSON.parse(line) as { msg: unknown }).msg));
    assert.deepEqual(
      [...new Set(kinds)].toSorted((a, b) => (a < b ? -1 : 1)),
      wanted,
    );
  }
  await using wrong = runProgram(['serve', '--log-level', 'loud']);
  assert.equal(await wrong.ended, 2);
});
