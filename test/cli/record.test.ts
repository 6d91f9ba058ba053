import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { startSimulator } from 'millrace/simulator';
import { openTestFolder } from '../simulator/recording/record.ts';
import { startProgram } from '../support/program.ts';

const params = {
  model: 'claude-sonnet-5',
  max_tokens: 5000,
  messages: [{ role: 'user' as const, content: 'markdown' }],
};
const key = 'sk-ant-api03-0123456789abcdefghij';
const sdk = (baseURL: string, faults?: object) =>
  new Anthropic({
    apiKey: key,
    baseURL,
    maxRetries: 0,
    defaultHeaders: faults === undefined ? {} : { 'x-simulator-fault': JSON.stringify(faults) },
  });

test('millrace record writes what millrace simulate --replay gives back, with a line for each exchange', async () => {
  await using folder = await openTestFolder();
  await using simulator = await startSimulator({ speed: 0 });
  const args = ['record', '--port', '0', '--upstream', simulator.url, '--out', folder.path];
  await using recorder = await startProgram(args);
  const recorded = await sdk(recorder.url).messages.stream(params).finalMessage();
  recorder.signal('SIGTERM');
  assert.equal(await recorder.ended, 0, recorder.stderr);
  assert.match(
    recorder.stderr,
    /^POST \/v1\/messages 200 \d+ events \d+ bytes [\d.]+ ms complete \/\S+\/0001-messages\.json\n$/,
  );
  assert.deepEqual(await folder.files(), ['0001-messages.json', '0001-messages.sse']);
  for (const file of await folder.files())
    assert.ok(!(await folder.read(file)).includes(key.slice(-12)), file);
  assert.ok(!(recorder.stdout + recorder.stderr).includes(key.slice(-12)));

  const replay = ['simulate', '--port', '0', '--replay', folder.path, '--speed', '0', '--match', 'strict'];
  await using replayer = await startProgram(replay);
  assert.deepEqual(await sdk(replayer.url).messages.stream(params).finalMessage(), recorded);
  await assert.rejects(
    sdk(replayer.url).messages.create({ ...params, max_tokens: 6 }),
    /differs first, at body\./,
  );
});

test('millrace record takes its upstream from ANTHROPIC_BASE_URL', async () => {
  await using folder = await openTestFolder();
  await using simulator = await startSimulator({ speed: 0 });
  const env = { ANTHROPIC_BASE_URL: simulator.url };
  await using recorder = await startProgram(['record', '--port', '0', '--out', folder.path], { env });
  await sdk(recorder.url).messages.create(params);
  assert.equal(simulator.requests.length, 1);
});

test('millrace record that is killed in the middle of a stream leaves a recording of what had come', async () => {
  await using folder = await openTestFolder();
  await using simulator = await startSimulator({ speed: 0 });
  const stall = { kind: 'stall', atEvent: 5, pings: false };
  let text = '';
  {
    const args = ['record', '--port', '0', '--upstream', simulator.url, '--out', folder.path];
    await using recorder = await startProgram(args);
    const response = await sdk(recorder.url, stall)
      .messages.create({ ...params, stream: true })
      .asResponse();
    const reader = response.body!.getReader();
    const decoder = new TextDecoder();
    while (text.split('\n\n').length <= 5)
      text += decoder.decode((await reader.read()).value, { stream: true });
    // Leaving this block kills it: there is no handler for that signal.
  }
  const { request, response, ended } = await folder.json('0001-messages.json');
  assert.deepEqual((request.body as typeof params).messages, params.messages);
  assert.deepEqual(ended, { how: 'unknown' });
  const stored = (await folder.read('0001-messages.sse')).toString();
  assert.equal(stored, text);
  assert.equal(
    response!.chunks.reduce((sum, [, byteCount]) => sum + byteCount, 0),
    Buffer.byteLength(text),
  );
  await using replay = await startSimulator({ speed: 0, replay: folder.path });
  await assert.rejects(sdk(replay.url).messages.stream(params).finalMessage(), Anthropic.AnthropicError);
});

test('millrace record whose files may not grow passes the answer on, says so, and leaves a sound recording', async (t) => {
  if (process.platform === 'win32') return t.skip('needs a limit on the size of files');
  await using folder = await openTestFolder();
  await using simulator = await startSimulator({ speed: 0 });
  const bin = join(import.meta.dirname, '../../bin/millrace.mjs');
  const args = [bin, 'record', '--port', '0', '--upstream', simulator.url, '--out', folder.path];
  // In blocks of 512 bytes. Writing beyond it fails as on a full disk, in the middle of a write.
  const child = spawn('sh', ['-c', 'ulimit -f 8; exec "$@"', 'sh', process.execPath, ...args], {
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [listening] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (said: string) => {
    stderr += said;
  });
  const url = /http:\S+/.exec(listening)?.[0] ?? '';
  const asked = { ...params, messages: [{ role: 'user' as const, content: 'long 2000' }] };
  const message = await sdk(url).messages.stream(asked).finalMessage();
  assert.equal(message.stop_reason, 'end_turn');
  child.kill('SIGTERM');
  await once(child, 'close');
  assert.match(stderr, /^millrace record: Cannot record \S+0001-messages: EFBIG/m);
  const { response, ended } = await folder.json('0001-messages.json');
  assert.deepEqual(ended, { how: 'unknown' });
  assert.ok(response!.chunks.length > 0);
});
