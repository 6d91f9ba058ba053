// The relay as a web-standard handler: what its contract suite (doors.test.ts) leaves to it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { createFetchHandler } from 'millrace/relay';
import type { RelayRequest, RelayResponse } from 'millrace/relay';
import { startSimulator } from 'millrace/simulator';
import { runtimeProgram } from '../runtimes/runtime-program.ts';
import { freePort } from '../support/free-port.ts';
import { startTestRelay } from '../support/relay.ts';

function relayThat(handle: (request: RelayRequest) => Promise<RelayResponse>) {
  const nothing = async (): Promise<undefined> => undefined;
  return { handle, setLimits: () => undefined, start: nothing, drain: nothing, close: nothing };
}

test('createFetchHandler() asks for the next piece when the reader does, and not before', async () => {
  let given = 0;
  let isClosed = false;
  async function* body(): AsyncGenerator<string> {
    try {
      for (;;) {
        given += 1;
        yield `piece ${given}`;
      }
    } finally {
      isClosed = true;
    }
  }
  let sent = 0;
  const relay = relayThat(async () => ({
    status: 200,
    headers: {},
    body: body(),
    sent: (byteCount) => {
      sent = byteCount;
    },
  }));
  const response = await createFetchHandler(relay)(new Request('http://localhost/'));
  await new Promise(setImmediate);
  assert.equal(given, 0);
  const reader = response.body!.getReader();
  assert.equal(new TextDecoder().decode((await reader.read()).value), 'piece 1');
  await reader.read();
  await new Promise(setImmediate);
  assert.equal(given, 2);
  await reader.cancel();
  assert.deepEqual([isClosed, sent], [true, 'piece 1piece 2'.length]);
});

/** A stream that says one piece, and nothing more until it is left. */
function streamThatWaits() {
  const state = { sent: [] as number[], isClosed: false };
  const handle = async ({ signal }: RelayRequest): Promise<RelayResponse> => {
    const { promise: left, resolve } = Promise.withResolvers<IteratorResult<string, undefined>>();
    const over = { done: true, value: undefined } as const;
    signal.addEventListener('abort', () => resolve(over));
    let isSaid = false;
    const next = (): Promise<IteratorResult<string, undefined>> => {
      if (isSaid) return left;
      isSaid = true;
      return Promise.resolve({ done: false, value: 'piece' });
    };
    const finish = async () => {
      state.isClosed = true;
      return over;
    };
    const body = { [Symbol.asyncIterator]: () => ({ next, return: finish }) };
    return { status: 200, headers: {}, body, sent: (byteCount) => void state.sent.push(byteCount) };
  };
  return { handler: createFetchHandler(relayThat(handle)), state };
}

test('createFetchHandler() tells once what was sent to a reader who leaves while there is nothing to read', async () => {
  const { handler, state } = streamThatWaits();
  const response = await handler(new Request('http://localhost/'));
  const reader = response.body!.getReader();
  await reader.read();
  const waiting = reader.read();
  await new Promise(setImmediate);
  await reader.cancel();
  await waiting;
  await new Promise(setImmediate);
  assert.deepEqual(state, { sent: [5], isClosed: true });
});

test('createFetchHandler() takes an abort for leaving where the server neither reads on nor cancels', async () => {
  const { handler, state } = streamThatWaits();
  const leaving = new AbortController();
  const response = await handler(new Request('http://localhost/', { signal: leaving.signal }));
  await response.body!.getReader().read();
  leaving.abort();
  await new Promise(setImmediate);
  assert.deepEqual(state, { sent: [5], isClosed: true });
});

test('createFetchHandler() takes a signal that aborts after the response for no leaving', async () => {
  const signals: AbortSignal[] = [];
  const relay = relayThat(async ({ signal }) => {
    signals.push(signal);
    return { status: 200, headers: {}, body: 'whole' };
  });
  const after = new AbortController();
  const handler = createFetchHandler(relay);
  await (await handler(new Request('http://localhost/', { signal: after.signal }))).text();
  after.abort();
  assert.equal(signals[0]?.aborted, false);
  await handler(new Request('http://localhost/', { signal: AbortSignal.abort() }));
  assert.equal(signals[1]?.aborted, true, 'it had left before');
});

test('createFetchHandler() without ownerOf serves loopback names alone, and nothing that was forwarded', async () => {
  await using relay = await startTestRelay('http://127.0.0.1:9');
  const handler = createFetchHandler(relay.relay);
  const statusOf = async (url: string, headers: Record<string, string> = {}) =>
    (await handler(new Request(url, { headers }))).status;
  assert.equal(await statusOf('http://localhost:8787/healthz'), 200);
  assert.equal(await statusOf('http://evil.example/healthz'), 403);
  assert.equal(await statusOf('http://localhost/healthz', { host: 'evil.example' }), 403);
  assert.equal(await statusOf('http://localhost/healthz', { 'x-forwarded-for': '10.0.0.1' }), 403);
  assert.equal(await statusOf('http://localhost/healthz', { origin: 'https://evil.example' }), 403);
});

test('createFetchHandler() with ownerOf serves any name, each owner its own streams, and no page of another site', async () => {
  await using upstream = await startSimulator({ speed: 0 });
  await using relay = await startTestRelay(upstream.url);
  const handler = createFetchHandler(relay.relay, {
    ownerOf: ({ headers }) => headers.get('x-user') ?? undefined,
  });
  const ask = (path: string, headers: Record<string, string>, init: RequestInit = {}) =>
    handler(new Request(`http://chat.example${path}`, { headers, ...init }));
  const json = { 'content-type': 'application/json' };
  const started = await ask(
    '/streams',
    { 'x-user': 'anna', ...json },
    {
      method: 'POST',
      body: JSON.stringify({ messages: [{ role: 'user', content: 'echo hi' }] }),
    },
  );
  const { id } = (await started.json()) as { id: string };
  for (const [headers, status] of [
    [{ 'x-user': 'anna' }, 200],
    [{ 'x-user': 'anna', 'x-forwarded-for': '10.0.0.1' }, 200],
    [{ 'x-user': 'anna', origin: 'https://chat.example' }, 200],
    [{ 'x-user': 'anna', origin: 'https://evil.example' }, 403],
    [{ 'x-user': 'anna', 'sec-fetch-site': 'cross-site' }, 403],
    [{ 'x-user': 'ben' }, 404],
    [{}, 401],
  ] as const) {
    assert.equal((await ask(`/streams/${id}`, headers as Record<string, string>)).status, status);
  }
});

const root = join(import.meta.dirname, '../..');

for (const [runtime, start] of [
  ['bun', () => ['--conditions=millrace-source', 'serve.ts']],
  [
    'deno',
    (port: number) => [
      'serve',
      '--quiet',
      '--no-check',
      '--allow-all',
      '--conditions=millrace-source',
      `--port=${port}`,
      '--host=127.0.0.1',
      'serve.ts',
    ],
  ],
] as const) {
  test(`examples/hono-relay serves the official SDK on ${runtime}, and a reader who leaves closes upstream`, async () => {
    await using simulator = await startSimulator({ speed: 0 });
    const port = await freePort();
    const child = spawn(runtimeProgram(runtime), start(port), {
      cwd: join(root, 'examples/hono-relay'),
      env: {
        ...process.env,
        PORT: String(port),
        UPSTREAM_URL: simulator.url,
        ANTHROPIC_API_KEY: 'k',
        NO_COLOR: '1',
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const ended = once(child, 'close');
    try {
      const baseURL = `http://127.0.0.1:${port}/claude`;
      const isUp = () =>
        fetch(`http://127.0.0.1:${port}/`).then(
          ({ ok }) => ok,
          () => false,
        );
      while (child.exitCode === null && !(await isUp())) await new Promise(setImmediate);
      assert.equal(child.exitCode, null, stderr);
      const client = new Anthropic({ apiKey: 'token-of-anna', baseURL, maxRetries: 0 });
      const ask = (content: string) =>
        client.messages.stream({
          model: 'claude-sonnet-5',
          max_tokens: 100_000,
          messages: [{ role: 'user', content }],
        });
      assert.equal(await ask('echo hello').finalText(), 'hello');
      for await (const event of ask('long 50000')) if (event.type === 'content_block_delta') break;
      const request = await simulator.waitFor(({ body }) => JSON.stringify(body).includes('long 50000'));
      assert.equal(await request.closed, 'aborted');
    } finally {
      child.kill();
      await ended;
    }
  });
}
