// The simulator without a socket: what it gives is what a socket would give.

import assert from 'node:assert/strict';
import { getActiveResourcesInfo } from 'node:process';
import { describe, test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';
import { Millrace } from 'millrace/client';

import { createSimulator, startSimulator } from '../../src/simulator/index.ts';
import type { InProcessSimulator } from '../../src/simulator/index.ts';
import { bodies, clockTool, toBody } from './ask.ts';
import { StoppedClock } from './virtual-clock.ts';

const url = 'https://api.anthropic.com/v1/messages';

function toInit(body: object, headers: Record<string, string> = {}): RequestInit {
  const version = { 'anthropic-version': '2026-10-21' };
  return { method: 'POST', headers: { ...version, ...headers }, body: JSON.stringify(body) };
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  /** As they were read. */
  readonly chunks: readonly string[];
  /** What the body ended with, if it was an error. */
  readonly error: string | undefined;
}

async function answerOf(response: Response): Promise<Answer> {
  const chunks: string[] = [];
  const decoder = new TextDecoder();
  let error: string | undefined;
  try {
    for await (const chunk of response.body ?? []) chunks.push(decoder.decode(chunk, { stream: true }));
  } catch (cause) {
    error = String(cause);
  }
  return { status: response.status, headers: Object.fromEntries(response.headers), chunks, error };
}

const fault = (json: object): Record<string, string> => ({ 'x-simulator-fault': JSON.stringify(json) });

describe('simulator.fetch() gives what the platform’s gives of a server:', () => {
  const plain = { 'accept-encoding': 'identity' };
  const streamed = { ...bodies['markdown'], stream: true };
  const cases: Readonly<Record<string, [body: object, headers: Record<string, string>]>> = {
    'a stream': [streamed, plain],
    'a whole message': [toBody('markdown'), plain],
    'a stream in gzip': [streamed, { 'accept-encoding': 'gzip' }],
    'a message in gzip': [toBody('markdown'), { 'accept-encoding': 'gzip' }],
    'an error': [{}, plain],
    'a stream with a tool': [toBody('use a tool', { tools: [clockTool], stream: true }), plain],
    'a cut by FIN': [streamed, { ...plain, ...fault({ kind: 'cut', atByte: 1500 }) }],
    'a cut by RST': [streamed, { ...plain, ...fault({ kind: 'cut', atByte: 1500, by: 'rst' }) }],
    'a cut in gzip': [streamed, { 'accept-encoding': 'gzip', ...fault({ kind: 'cut', atByte: 1500 }) }],
    'an error event': [streamed, { ...plain, ...fault({ kind: 'error_event', atEvent: 5 }) }],
    'a page in place of the answer': [streamed, { ...plain, ...fault({ kind: 'body', body: 'html' }) }],
  };
  for (const [title, [body, headers]] of Object.entries(cases)) {
    test(title, async () => {
      const clock = new StoppedClock();
      await using server = await startSimulator({ speed: 0, clock });
      await using inProcess = createSimulator({ speed: 0, clock });
      const init = toInit(body, headers);
      const [wanted, found] = await Promise.all([
        answerOf(await fetch(`${server.url}/v1/messages`, init)),
        answerOf(await inProcess.fetch(url, init)),
      ]);
      const comparable = ({ status, headers, chunks, error }: Answer): object => ({
        status,
        headers: { ...headers, date: undefined },
        text: chunks.join(''),
        error,
      });
      assert.deepEqual(comparable(found), comparable(wanted));
    });
  }

  test('a connection that nobody takes, or that is thrown out', async () => {
    for (const by of ['port', 'accept'] as const) {
      await using server = await startSimulator({ faults: { kind: 'refuse', by } });
      await using inProcess = createSimulator({ speed: 0, faults: { kind: 'refuse', by } });
      const codeOf = (error: unknown): unknown => {
        assert.ok(error instanceof TypeError);
        return [error.message, (error.cause as { code?: string }).code];
      };
      const wanted = await fetch(server.url).then(() => assert.fail('it was answered'), codeOf);
      assert.deepEqual(await inProcess.fetch(url).then(() => assert.fail('it was answered'), codeOf), wanted);
      assert.deepEqual(await server.fetch(url).then(() => assert.fail('it was answered'), codeOf), wanted);
      await inProcess.faults.clear();
      assert.equal((await inProcess.fetch(url, toInit(toBody('Hi')))).status, 200);
    }
  });
});

describe('simulator.fetch()', () => {
  test('takes what the platform’s takes: text, bytes, streams, Request, URL, Headers', async () => {
    await using simulator = createSimulator({ speed: 0 });
    const text = JSON.stringify(toBody('echo hi'));
    const headers = new Headers({ 'anthropic-version': '2026-10-21' });
    const init = { method: 'POST', headers };
    const asked = [
      () => simulator.fetch(url, { ...init, body: text }),
      () => simulator.fetch(new URL(url), { ...init, body: new TextEncoder().encode(text) }),
      () => simulator.fetch(url, { ...init, body: new Blob([text]).stream(), duplex: 'half' } as RequestInit),
      () => simulator.fetch(new Request(url, { ...init, body: text })),
      () => simulator.fetch(new Request(url, { ...init, body: 'another' }), { body: text }),
    ];
    for (const answer of asked) {
      const response = await answer();
      assert.equal(response.url, url);
      assert.equal(((await response.json()) as Anthropic.Message).type, 'message');
    }
    const [first, , third] = simulator.requests;
    assert.equal(first?.headers['content-length'], String(text.length));
    assert.equal(third?.headers['transfer-encoding'], 'chunked');
    assert.equal(first.headers['host'], 'api.anthropic.com');
    await assert.rejects(simulator.fetch('/v1/messages'), TypeError);
    assert.equal((await simulator.fetch('http://any.host:99/v1/models', { headers })).status, 200);
  });

  test('serves the official SDK and Millrace’s client', async () => {
    await using simulator = createSimulator({ speed: 0 });
    const params = {
      model: 'claude-sonnet-5',
      max_tokens: 100,
      messages: [{ role: 'user', content: 'echo hi' }],
    } as const;
    for (const Client of [Anthropic, Millrace]) {
      const client = new Client({ apiKey: 'key', fetch: simulator.fetch });
      const message = await client.messages
        .stream({ ...params, messages: [...params.messages] })
        .finalMessage();
      assert.partialDeepStrictEqual(message.content, [{ type: 'text', text: 'hi' }]);
    }
  });

  test('rejects with the reason of a signal, before, while it waits, and while it reads', async () => {
    await using simulator = createSimulator({ speed: 0 });
    const reason = new Error('enough');
    await assert.rejects(simulator.fetch(url, { signal: AbortSignal.abort(reason) }), reason);
    assert.equal(simulator.requests.length, 0);

    const waiting = new AbortController();
    const init = toInit(toBody('Hi'), fault({ kind: 'slow_headers', ms: 600_000 }));
    const answer = simulator.fetch(new Request(url, { ...init, signal: waiting.signal }));
    const slow = await simulator.waitFor(({ faults }) => faults.length === 1);
    waiting.abort(reason);
    await assert.rejects(answer, reason);
    assert.equal(await slow.closed, 'aborted');

    const reading = new AbortController();
    const long = toInit(toBody('long 50000', { max_tokens: 100_000, stream: true }));
    const response = await simulator.fetch(url, { ...long, signal: reading.signal });
    const reader = response.body!.getReader();
    assert.equal((await reader.read()).done, false);
    reading.abort(reason);
    await assert.rejects(async () => {
      while (!(await reader.read()).done);
    }, reason);
    assert.equal(await simulator.requests[1]!.closed, 'aborted');

    const late = new AbortController();
    const short = await simulator.fetch(url, { ...toInit(toBody('echo hi')), signal: late.signal });
    assert.equal(await simulator.requests[2]!.closed, 'finished');
    late.abort(reason);
    await assert.rejects(short.text(), reason);
  });

  test('says finished of an answer that was read, and aborted of one whose body was cancelled', async () => {
    await using simulator = createSimulator({ speed: 0 });
    await (await simulator.fetch(url, toInit(toBody('Hi', { stream: true })))).text();
    assert.equal(await simulator.requests[0]!.closed, 'finished');
    const long = toInit(toBody('long 50000', { max_tokens: 100_000, stream: true }));
    await (await simulator.fetch(url, long)).body?.cancel();
    assert.equal(await simulator.requests[1]!.closed, 'aborted');
  });

  test('makes an answer no faster than it is read', async () => {
    await using simulator = createSimulator({ speed: 0 });
    const long = toInit(toBody('long 50000', { max_tokens: 100_000, stream: true }));
    const response = await simulator.fetch(url, long);
    const [request] = simulator.requests;
    const reader = response.body!.getReader();
    let readBytes = 0;
    for (let reads = 0; reads < 20; reads += 1) {
      readBytes += (await reader.read()).value!.length;
      // What is under way: one write of the server taken, and as much as a stream holds by itself.
      assert.ok(request!.bytesSent - readBytes < 200_000, `${request!.bytesSent} sent, ${readBytes} read`);
    }
    await reader.cancel();
  });

  test('gives every byte before a cut, and does not linger', async () => {
    await using simulator = createSimulator({ speed: 0 });
    const init = toInit(
      toBody('markdown', { stream: true }),
      fault({ kind: 'cut', atByte: 9000, by: 'rst' }),
    );
    const response = await simulator.fetch(url, init);
    const { chunks, error } = await answerOf(response);
    assert.equal(Buffer.byteLength(chunks.join('')), 9000);
    assert.match(String(error), /terminated/);
  });

  test('keeps what a fault cuts apart', async () => {
    await using simulator = createSimulator({ speed: 0 });
    const init = toInit(toBody('echo hi', { stream: true }), fault({ kind: 'split', bytes: 3 }));
    const { chunks } = await answerOf(await simulator.fetch(url, init));
    assert.ok(chunks.length > 100);
    assert.ok(chunks.every(({ length }) => length <= 3));
  });

  test('is answered with 413 while it still sends', async () => {
    await using simulator = createSimulator({ maxBodyBytes: 100 });
    for (const body of ['x'.repeat(10_000), new Blob(['x'.repeat(10_000)]).stream()]) {
      const init = { ...toInit({}), body, duplex: 'half' } as RequestInit;
      assert.equal((await simulator.fetch(url, init)).status, 413);
    }
  });

  test('rejects when the simulator was closed, and breaks off what is under way when it closes', async () => {
    const simulator = createSimulator({ speed: 0 });
    const init = toInit(toBody('Hi', { stream: true }), fault({ kind: 'stall', atEvent: 3 }));
    const response = await simulator.fetch(url, init);
    const broken = assert.rejects(response.text(), /terminated/);
    await simulator.close();
    await broken;
    await assert.rejects(
      simulator.fetch(url),
      (error: TypeError) => (error.cause as { code?: string }).code === 'simulator_closed',
    );
  });
});

test('createSimulator() opens no handle that would keep a program alive', async () => {
  const before = getActiveResourcesInfo();
  const simulator: InProcessSimulator = createSimulator({ speed: 0 });
  await (await simulator.fetch(url, toInit(toBody('Hi')))).text();
  assert.deepEqual(getActiveResourcesInfo(), before);
  await simulator.close();
});
