// Each kind of fault over a real socket.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';
import fc from 'fast-check';

import { startSimulator } from '../../src/simulator/index.ts';
import type { AppliedFault, Fault, Simulator } from '../../src/simulator/index.ts';
import { askText, parseFrames, post, toBody, weatherTool } from './ask.ts';
import { rawAsk } from './raw-ask.ts';
import type { RawReply } from './raw-ask.ts';
import { JumpingClock, StoppedClock } from './virtual-clock.ts';

const streamed = toBody('markdown', { stream: true });

function start(options: object = {}): Promise<Simulator> {
  return startSimulator({ speed: 0, ...options });
}

/** The first answer of a simulator of its own: with the same seed it is the same stream, but for its faults. */
async function askWith(
  faults: Fault | readonly Fault[],
  headers: Record<string, string> = {},
  body = streamed,
) {
  await using simulator = await start({ faults });
  return await rawAsk(simulator, body, headers);
}

const unbroken = await askWith([]);
const whole = unbroken.body.toString();
const frames = whole.split(/(?<=\n\n)/);

function headerOf({ head }: RawReply, name: string): string | undefined {
  return new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1]?.trim();
}

function statusOf({ head }: RawReply): number {
  return Number(head.slice(9, 12));
}

describe('a status fault', () => {
  const errors = [
    [400, 'invalid_request_error', 'false'],
    [401, 'authentication_error', 'false'],
    [402, 'billing_error', 'false'],
    [403, 'permission_error', 'false'],
    [404, 'not_found_error', 'false'],
    [408, 'timeout_error', 'true'],
    [409, 'conflict_error', 'true'],
    [429, 'rate_limit_error', 'false'],
    [500, 'api_error', 'true'],
    [502, 'api_error', 'true'],
    [503, 'overloaded_error', 'true'],
    [504, 'timeout_error', 'true'],
    [529, 'overloaded_error', 'true'],
  ] as const;

  for (const [status, type, shouldRetry] of errors) {
    test(`${status} is answered in the API's shape, with x-should-retry: ${shouldRetry}`, async () => {
      for (const stream of [true, false]) {
        const reply = await askWith({ kind: 'status', status }, {}, toBody('Hi', { stream }));
        assert.equal(statusOf(reply), status);
        const body = JSON.parse(reply.body.toString()) as { error: { message: string } };
        const request_id = headerOf(reply, 'request-id');
        assert.deepEqual(body, { type: 'error', error: { type, message: body.error.message }, request_id });
        assert.ok(body.error.message.length > 5);
        assert.equal(headerOf(reply, 'x-should-retry'), shouldRetry);
        assert.equal(headerOf(reply, 'retry-after'), undefined);
        assert.equal(headerOf(reply, 'content-type'), 'application/json');
        assert.equal(reply.isComplete, true);
      }
    });
  }

  test('413 has the odd shape of the edge', async () => {
    const reply = await askWith({ kind: 'status', status: 413 });
    assert.equal(
      reply.body.toString(),
      '{"error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}',
    );
    assert.equal(headerOf(reply, 'request-id'), undefined);
    assert.equal(headerOf(reply, 'x-simulator'), '1');
  });

  test('has retry-after in seconds or as a date, and 429 is then worth repeating', async () => {
    for (const retryAfter of [7, 'Fri, 20 Nov 2026 12:00:00 GMT']) {
      const reply = await askWith({ kind: 'status', status: 429, retryAfter });
      assert.equal(headerOf(reply, 'retry-after'), String(retryAfter));
      assert.equal(headerOf(reply, 'x-should-retry'), 'true');
    }
    const told = await askWith({ kind: 'status', status: 529, shouldRetry: false, message: 'Größer' });
    assert.equal(headerOf(told, 'x-should-retry'), 'false');
    assert.ok(told.body.includes('Größer'));
  });

  test('for the first two requests is what the official SDK tries again after', async () => {
    await using simulator = await start({ faults: { kind: 'status', status: 529, retryAfter: 0, times: 2 } });
    const client = new Anthropic({ apiKey: 'x', baseURL: simulator.url, maxRetries: 2 });
    const message = await client.messages.create(
      toBody('echo Hi') as Anthropic.MessageCreateParamsNonStreaming,
    );
    assert.deepEqual(message.content, [{ type: 'text', text: 'Hi' }]);
    assert.deepEqual(
      simulator.requests.map(({ status }) => status),
      [529, 529, 200],
    );
    assert.deepEqual(
      simulator.requests.map(({ faults }) => faults.length),
      [1, 1, 0],
    );
  });
});

describe('a cut', () => {
  for (const by of ['fin', 'rst'] as const) {
    for (const encoding of ['identity', 'gzip']) {
      test(`at byte N by ${by}, ${encoding}: exactly the first N bytes of the unbroken stream arrive`, async () => {
        const headers = { 'accept-encoding': encoding };
        const places = fc.integer({ min: 0, max: unbroken.body.length });
        await fc.assert(
          fc.asyncProperty(places, async (atByte) => {
            const reply = await askWith({ kind: 'cut', atByte, by, lingerMs: 0 }, headers);
            assert.deepEqual(reply.body, unbroken.body.subarray(0, atByte));
            assert.deepEqual([reply.isComplete, reply.end], [false, by]);
          }),
          { numRuns: 40, examples: [[0], [1], [unbroken.body.length]] },
        );
      });
    }
  }

  test('at event N ends between two events', async () => {
    for (const atEvent of [0, 1, 5, frames.length]) {
      const reply = await askWith({ kind: 'cut', atEvent, lingerMs: 0 });
      assert.equal(reply.body.toString(), frames.slice(0, atEvent).join(''));
      assert.deepEqual([reply.isComplete, reply.end], [false, 'fin']);
    }
  });

  test('behind the end of the stream does nothing', async () => {
    assert.deepEqual(await askWith({ kind: 'cut', atByte: 1e9 }).then(({ body }) => body), unbroken.body);
  });

  test('without a place is drawn from the seed, and the record says where it was', async () => {
    const places = [];
    for (const seed of [1, 1, 2]) {
      await using simulator = await start({ faults: { seed, faults: [{ kind: 'cut', lingerMs: 0 }] } });
      const { body } = await rawAsk(simulator, streamed);
      const [fault] = simulator.requests[0]?.faults ?? [];
      assert.ok(fault?.kind === 'cut');
      assert.equal(body.length, fault.atByte);
      places.push(fault.atByte);
    }
    assert.equal(places[0], places[1]);
    assert.notEqual(places[0], places[2]);
  });

  test('of megabytes, for a reader that is slow, loses none of them', async () => {
    await using simulator = await start({
      models: ['claude-x'],
      faults: { kind: 'cut', atByte: 5_000_000, by: 'rst', lingerMs: 0 },
    });
    const body = toBody(`echo ${'word '.repeat(400_000)}`, {
      model: 'claude-x',
      max_tokens: 10_000_000,
      stream: true,
    });
    const reply = await rawAsk(simulator, body);
    assert.deepEqual([reply.body.length, reply.end], [5_000_000, 'rst']);
  });

  for (const by of ['fin', 'rst'] as const) {
    test(`by ${by} gives fetch every byte before its error, gzip included`, async () => {
      const cut: Fault = { kind: 'cut', atByte: 3000, by, lingerMs: 400 };
      await using simulator = await start({ faults: cut });
      const response = await post(simulator, streamed);
      assert.equal(response.headers.get('content-encoding'), 'gzip');
      const received: Uint8Array[] = [];
      await assert.rejects(async () => {
        for await (const chunk of response.body ?? []) received.push(chunk);
      });
      assert.equal(Buffer.concat(received).length, 3000);
    });
  }

  test('of a whole message ends in the middle of its JSON', async () => {
    const { body } = await askWith([], {}, toBody('Hi'));
    const reply = await askWith({ kind: 'cut', atByte: 100, lingerMs: 0 }, {}, toBody('Hi'));
    assert.equal(reply.body.toString(), body.toString().slice(0, 100));
    assert.equal(reply.isComplete, false);
  });
});

describe('an error_event', () => {
  const errorFrame = (type: string, message: string): RegExp =>
    new RegExp(
      `^event: error\\ndata: \\{"type":"error","error":\\{"details":null,"type":"${type}","message":"${message}"\\},"request_id":"req_\\w+" {0,15}\\}\\n\\n$`,
    );

  test('comes first, or at its place, and the stream ends behind it', async () => {
    for (const atEvent of [0, 6]) {
      const reply = await askWith({ kind: 'error_event', atEvent });
      const text = reply.body.toString();
      const before = frames.slice(0, atEvent).join('');
      assert.ok(text.startsWith(before));
      assert.match(text.slice(before.length), errorFrame('overloaded_error', 'Overloaded'));
      assert.deepEqual([statusOf(reply), reply.isComplete, reply.end], [200, true, 'fin']);
    }
  });

  test('of any type is what the official SDK throws', async () => {
    await using simulator = await start({
      faults: { kind: 'error_event', type: 'api_error', message: 'Broken', atEvent: 5 },
    });
    const client = new Anthropic({ apiKey: 'x', baseURL: simulator.url, maxRetries: 0 });
    const stream = client.messages.stream(streamed as Anthropic.MessageStreamParams);
    await assert.rejects(stream.finalMessage(), /Broken/);
  });
});

describe('a fault of the events', () => {
  const body = toBody('think, then use a tool', { stream: true, tools: [weatherTool] });
  let plain: string[];
  const ask = async (fault: Fault): Promise<string[]> => {
    plain = toFrames(await askWith([], {}, body));
    return toFrames(await askWith(fault, {}, body));
  };
  const toFrames = (reply: RawReply): string[] => reply.body.toString().split(/(?<=\n\n)/);
  const isStart = (frame: string): boolean => frame.includes('content_block_start');

  test('invalid_json spoils the data of one event', async () => {
    const broken = await ask({ kind: 'invalid_json', atEvent: 4 });
    const spoiled = broken.splice(4, 1)[0] ?? '';
    assert.throws(() => JSON.parse(spoiled.split('data: ')[1] ?? ''), SyntaxError);
    assert.deepEqual(broken, plain.toSpliced(4, 1));
  });

  test('duplicate_block sends the start of a block twice', async () => {
    const broken = await ask({ kind: 'duplicate_block', index: 1 });
    const position = plain.findIndex((frame) => isStart(frame) && frame.includes('"index":1'));
    assert.deepEqual(broken, plain.toSpliced(position, 0, plain[position] ?? ''));
  });

  test('out_of_order gives two blocks the index of each other, and leaves what is in them', async () => {
    const broken = await ask({ kind: 'out_of_order', index: 1 });
    const swapped = plain.map((frame) =>
      frame.replace(/"index":([12]),|"index":([12])(?= *\})/, (all) =>
        all.includes('1') ? all.replace('1', '2') : all.replace('2', '1'),
      ),
    );
    assert.notDeepEqual(broken, plain);
    assert.deepEqual(broken, swapped);
  });

  test('unknown_event, unknown_delta and unknown_block put in what nobody knows', async () => {
    assert.equal(
      (await ask({ kind: 'unknown_event', atEvent: 2 }))[2]?.startsWith('event: simulator_event\n'),
      true,
    );
    assert.ok(
      (await ask({ kind: 'unknown_delta' }))[2]?.includes('"index":0,"delta":{"type":"simulator_delta"'),
    );
    const broken = await ask({ kind: 'unknown_block' });
    const added = broken
      .slice(-5, -2)
      .map((frame) => frame.split('\n')[0]?.slice('event: content_block_'.length));
    assert.deepEqual(added, ['start', 'delta', 'stop']);
    assert.ok(broken.at(-5)?.includes('"index":3,"content_block":{"type":"simulator_block"'));
    assert.deepEqual(broken.toSpliced(-5, 3), plain);
  });

  test('unknown kinds are what the official SDK reads past', async () => {
    await using simulator = await start({
      faults: [{ kind: 'unknown_event' }, { kind: 'unknown_delta' }, { kind: 'unknown_block' }],
    });
    const client = new Anthropic({ apiKey: 'x', baseURL: simulator.url, maxRetries: 0 });
    const message = await client.messages.stream(streamed as Anthropic.MessageStreamParams).finalMessage();
    assert.equal(message.stop_reason, 'end_turn');
  });

  test('huge_event puts in one text delta whose frame has so many bytes', async () => {
    for (const bytes of [500, 3_000_000]) {
      const broken = await ask({ kind: 'huge_event', bytes });
      const position = broken.findIndex((frame) => frame.length === bytes);
      assert.ok(broken[position - 1]?.includes('"type":"text"'));
      assert.deepEqual(broken.toSpliced(position, 1), plain);
    }
  });
});

describe('a fault of the framing', () => {
  test('crlf, data_only and done change how the same events are written', async () => {
    assert.equal((await askWith({ kind: 'crlf' })).body.toString(), whole.replaceAll('\n', '\r\n'));
    const dataOnly = await askWith({ kind: 'data_only' });
    assert.equal(dataOnly.body.toString(), whole.replaceAll(/^event: .*\n/gm, ''));
    assert.equal((await askWith({ kind: 'done' })).body.toString(), `${whole}data: [DONE]\n\n`);
  });

  test('split and merge change the chunks and not a byte', async () => {
    for (const bytes of [1, 7, 1000]) {
      const { body, chunkSizes } = await askWith({ kind: 'split', bytes });
      assert.deepEqual(body, unbroken.body);
      assert.ok(chunkSizes.every((size) => size <= bytes));
    }
    const { body, chunkSizes } = await askWith({ kind: 'merge', events: 5 });
    assert.deepEqual(body, unbroken.body);
    assert.equal(chunkSizes.length, Math.ceil(frames.length / 5));
  });

  test('split is counted as the events it is of', async () => {
    await using simulator = await start({ faults: { kind: 'split', bytes: 3 } });
    await rawAsk(simulator, streamed);
    assert.equal(simulator.requests[0]?.eventsSent, frames.length);
    assert.equal(simulator.requests[0]?.bytesSent, unbroken.body.length);
  });
});

describe('a 200 that is no stream', () => {
  test('is JSON, HTML or nothing', async () => {
    for (const [body, type, pattern] of [
      ['json', 'application/json', /^\{"message": ".*"\}$/],
      ['html', 'text/html; charset=utf-8', /^<!doctype html>/],
      ['nothing', 'text/event-stream; charset=utf-8', /^$/],
    ] as const) {
      const reply = await askWith({ kind: 'body', body });
      assert.equal(statusOf(reply), 200);
      assert.equal(headerOf(reply, 'content-type'), type);
      assert.match(reply.body.toString(), pattern);
      assert.equal(reply.isComplete, true);
    }
  });

  test('may be a stream whose content type says otherwise', async () => {
    const reply = await askWith({ kind: 'content_type', value: 'application/octet-stream' });
    assert.equal(headerOf(reply, 'content-type'), 'application/octet-stream');
    assert.deepEqual(reply.body, unbroken.body);
  });
});

describe('a fault of time', () => {
  test('slow_headers holds the head back', async () => {
    const clock = new JumpingClock();
    await using simulator = await start({ clock, faults: { kind: 'slow_headers', ms: 90_000 } });
    const startMs = clock.now();
    assert.equal(await askText(simulator, streamed), whole);
    assert.equal(clock.now() - startMs, 90_000);
  });

  test('stall is silent, with a ping every 30 s or without, and then goes on', async () => {
    const ping = 'event: ping\ndata: {"type": "ping"}\n\n';
    for (const [changes, pings] of [
      [{ pings: true }, 3],
      [{ pings: true, pingMs: 10_000 }, 10],
      [{ pings: false }, 0],
    ] as const) {
      const clock = new JumpingClock();
      const fault: Fault = { kind: 'stall', atEvent: 5, ms: 100_001, ...changes };
      await using simulator = await start({ clock, faults: fault });
      const startMs = clock.now();
      assert.deepEqual((await askText(simulator, streamed)).split(/(?<=\n\n)/), [
        ...frames.slice(0, 5),
        ...Array.from({ length: pings }, () => ping),
        ...frames.slice(5),
      ]);
      assert.equal(clock.now() - startMs, 100_001);
    }
  });

  test('stall inside an event has no ping that would spoil it', async () => {
    const clock = new JumpingClock();
    await using simulator = await start({ clock, faults: { kind: 'stall', atByte: 50, ms: 100_000 } });
    assert.equal(await askText(simulator, streamed), whole);
    assert.equal(parseFrames(whole).length, frames.length);
  });

  test('stall has no ping too many where timers fire a little early', async () => {
    const clock = new (class extends JumpingClock {
      override setTimer(callback: () => void, delayMs: number): () => void {
        return super.setTimer(callback, delayMs > 1 ? delayMs - 0.5 : delayMs);
      }
    })();
    for (const place of [{ atEvent: 5 }, { atByte: 50 }]) {
      await using simulator = await start({ clock, faults: { kind: 'stall', ms: 100, ...place } });
      assert.equal(await askText(simulator, streamed), whole);
    }
  });

  for (const fault of [
    { kind: 'stall', atEvent: 4, pings: false },
    { kind: 'stall', atEvent: 4 },
    { kind: 'never_close' },
    { kind: 'slow_headers', ms: 1e9 },
  ] satisfies Fault[]) {
    test(`${JSON.stringify(fault)} ends with no timer left when the client leaves`, async () => {
      const clock = new StoppedClock();
      await using simulator = await start({ clock, faults: fault });
      const leaving = new AbortController();
      const wanted = { stall: 4, never_close: frames.length, slow_headers: 0 }[fault.kind];
      const asking = fetch(`${simulator.url}/v1/messages`, {
        method: 'POST',
        headers: { 'anthropic-version': '2026-10-21' },
        body: JSON.stringify(streamed),
        signal: leaving.signal,
      }).then((response) => response.text());
      const request = await simulator.waitFor(({ eventsSent }) => eventsSent === wanted);
      leaving.abort();
      await assert.rejects(asking);
      assert.equal(await request.closed, 'aborted');
      assert.equal(clock.waiting.size, 0);
      assert.equal(request.eventsSent, wanted);
    });
  }
});

describe('a connection', () => {
  test('is dropped without an answer', async () => {
    for (const by of ['fin', 'rst'] as const) {
      const reply = await askWith({ kind: 'drop', by });
      assert.deepEqual([reply.head, reply.body.length, reply.end], ['', 0, by]);
    }
  });

  test('is refused by a closed port, until the plan is cleared', async () => {
    await using simulator = await start({ faults: { kind: 'refuse' } });
    const cause = async (): Promise<unknown> =>
      post(simulator, streamed).then(
        () => undefined,
        (error: Error) => (error.cause as NodeJS.ErrnoException).code,
      );
    assert.equal(await cause(), 'ECONNREFUSED');
    await simulator.faults.clear();
    assert.equal(await cause(), undefined);
    await simulator.faults.set({ kind: 'refuse', by: 'port' });
    assert.equal(await cause(), 'ECONNREFUSED');
    assert.equal(simulator.requests.length, 1);
  });

  test('is thrown out when it comes, for so many of them', async () => {
    await using simulator = await start({ faults: { kind: 'refuse', by: 'accept', times: 2 } });
    const ends = [];
    for (let count = 0; count < 3; count += 1)
      ends.push((await rawAsk(simulator, streamed)).head.slice(0, 15));
    assert.deepEqual(ends, ['', '', 'HTTP/1.1 200 OK']);
  });
});

describe('a rate_limit', () => {
  const ask = async (simulator: Simulator, key: string, prompt = 'Hi') => {
    const response = await post(simulator, toBody(prompt), { authorization: `Bearer ${key}` });
    const body = (await response.json()) as { error?: { type: string; message: string } };
    const header = (name: string): number => Number(response.headers.get(name));
    return { status: response.status, error: body.error, header, headers: response.headers };
  };

  test('refuses what is more than the bucket of its key holds, until it has refilled', async () => {
    const clock = new JumpingClock();
    await using simulator = await start({ clock, faults: { kind: 'rate_limit', requests: 2 } });
    const statuses = async (...keys: string[]): Promise<number[]> => {
      const all = [];
      for (const key of keys) all.push((await ask(simulator, key)).status);
      return all;
    };
    assert.deepEqual(await statuses('a', 'a', 'a', 'b', 'b', 'b'), [200, 200, 429, 200, 200, 429]);
    const { error, header, headers } = await ask(simulator, 'a');
    assert.equal(error?.type, 'rate_limit_error');
    assert.match(
      error?.message ?? '',
      /^This request would exceed your organization's rate limit of 2 requests per minute \(org: [-\w]+, model: claude-sonnet-4-6\)\. For details/,
    );
    assert.equal(headers.get('x-should-retry'), 'true');
    assert.equal(header('retry-after'), 30);
    assert.equal(header('anthropic-ratelimit-requests-limit'), 2);
    assert.equal(header('anthropic-ratelimit-requests-remaining'), 0);
    clock.nowMs += 29_000;
    assert.deepEqual(await statuses('a'), [429]);
    clock.nowMs += 1000;
    assert.deepEqual(await statuses('a', 'a'), [200, 429]);
  });

  test('counts tokens of both directions, with headers that add up', async () => {
    const clock = new JumpingClock();
    await using simulator = await start({
      clock,
      faults: { kind: 'rate_limit', inputTokens: 10_000, outputTokens: 2000 },
    });
    const first = await ask(simulator, 'a', `echo ${'x'.repeat(20_000)}`);
    assert.equal(first.status, 200);
    for (const what of ['limit', 'remaining']) {
      const figure = (name: string): number => first.header(`anthropic-ratelimit-${name}-${what}`);
      assert.equal(figure('tokens'), figure('input-tokens') + figure('output-tokens'));
    }
    assert.equal(first.header('anthropic-ratelimit-tokens-limit'), 12_000);
    const second = await ask(simulator, 'a', 'x'.repeat(20_000));
    assert.equal(second.status, 429);
    clock.nowMs += second.header('retry-after') * 1000;
    assert.equal((await ask(simulator, 'a', 'x'.repeat(20_000))).status, 200);
  });
});

describe('a fault plan', () => {
  const header = (plan: unknown): Record<string, string> => ({ 'x-simulator-fault': JSON.stringify(plan) });

  test('comes by header, by prompt as JSON or in short, or by the API, in this order', async () => {
    await using simulator = await start({ faults: { kind: 'status', status: 500 } });
    const statusFor = async (prompt: string, headers = {}): Promise<number> =>
      (await post(simulator, toBody(prompt), headers)).status;
    assert.equal(await statusFor('Hi'), 500);
    assert.equal(await statusFor('/fault {"kind":"status","status":529}\nHi'), 529);
    assert.equal(await statusFor('/fault status 402'), 402);
    assert.equal(await statusFor('/fault status status=403; split 5'), 403);
    assert.equal(await statusFor('/fault status 402', header([])), 200);
    assert.deepEqual(simulator.faults.plan, { kind: 'status', status: 500 });
    await simulator.faults.clear();
    assert.equal(simulator.faults.plan, undefined);
    assert.equal(await statusFor('Hi'), 200);
  });

  test('in a prompt is no part of the question', async () => {
    await using simulator = await start();
    const response = await post(simulator, toBody('/fault split 100\necho Hello'));
    const message = (await response.json()) as { content: { text: string }[] };
    assert.equal(message.content[0]?.text, 'Hello');
  });

  test('in a prompt counts no more when the answer is gone on with', async () => {
    await using simulator = await start();
    const prompt = { role: 'user', content: '/fault cut atEvent=6 lingerMs=0\nmarkdown' };
    const model = 'claude-haiku-4-5';
    const { body } = await rawAsk(simulator, toBody('', { stream: true, model, messages: [prompt] }));
    const text = textIn(body.toString());
    assert.ok(text.length > 0);
    const partial = { role: 'assistant', content: text.trimEnd() };
    const rest = await askText(simulator, toBody('', { model, messages: [prompt, partial] }));
    const all = textIn(whole);
    assert.equal(text.trimEnd() + textIn(rest), all);
  });

  const textIn = (stream: string): string =>
    parseFrames(stream)
      .map(({ data }) => data.delta?.text ?? '')
      .join('');

  test('says for which requests each fault counts', async () => {
    await using simulator = await start();
    const plan = {
      faults: [
        { kind: 'status', status: 529, times: 2 },
        { kind: 'status', status: 500, skip: 3, times: 1 },
      ],
    };
    const statuses = async (headers: Record<string, string>): Promise<number[]> => {
      const all = [];
      for (let count = 0; count < 5; count += 1)
        all.push((await post(simulator, toBody('Hi'), headers)).status);
      return all;
    };
    assert.deepEqual(await statuses(header(plan)), [529, 529, 200, 500, 200]);
    assert.deepEqual(await statuses(header(plan)), [200, 200, 200, 200, 200], 'one plan, one count');
    assert.deepEqual(await statuses(header({ ...plan, key: 'another' })), [529, 529, 200, 500, 200]);
    const [fault] = plan.faults;
    for (let count = 0; count < 2; count += 1) {
      await simulator.faults.set(fault as Fault);
      assert.deepEqual(await statuses({}), [529, 529, 200, 200, 200], 'set again, counted anew');
    }
  });

  test('draws by probability from its seed, the same in every run', async () => {
    const run = async (seed: number): Promise<string> => {
      await using simulator = await start();
      const plan = { seed, faults: [{ kind: 'status', status: 529, probability: 0.5 }] };
      let statuses = '';
      for (let count = 0; count < 20; count += 1)
        statuses += (await post(simulator, toBody('Hi'), header(plan))).status === 529 ? 'x' : '.';
      return statuses;
    };
    const first = await run(1);
    assert.equal(await run(1), first);
    assert.notEqual(await run(2), first);
    assert.ok(first.includes('x') && first.includes('.'));
  });

  test('is on the recorded request and in a header of the answer, with what it left open filled in', async () => {
    await using simulator = await start();
    const response = await post(simulator, streamed, header({ kind: 'stall', ms: 0 }));
    await response.text();
    const faults = JSON.parse(response.headers.get('x-simulator-fault') ?? '') as AppliedFault[];
    const [fault] = faults;
    assert.ok(fault?.kind === 'stall' && typeof fault.atByte === 'number');
    const { atByte } = fault;
    assert.deepEqual(faults, [
      { kind: 'stall', atByte, ms: 0, pings: true, pingMs: 30_000, skip: 0, probability: 1 },
    ]);
    assert.deepEqual(simulator.requests[0]?.faults, faults);
  });

  test('holds several faults, whatever their order', async () => {
    const faults: Fault[] = [
      { kind: 'cut', atByte: 1001, lingerMs: 0 },
      { kind: 'split', bytes: 10 },
      { kind: 'crlf' },
    ];
    for (const plan of [faults, faults.toReversed()]) {
      const { body, chunkSizes } = await askWith(plan);
      assert.equal(body.toString(), whole.replaceAll('\n', '\r\n').slice(0, 1001));
      assert.ok(chunkSizes.every((size) => size <= 10));
    }
  });

  test('in a header may be UTF-8, as curl sends it, or Latin 1, as fetch does', async () => {
    const json = JSON.stringify({ kind: 'status', status: 400, message: 'Größe' });
    for (const encoding of ['utf8', 'latin1'] as const) {
      await using simulator = await start();
      const sent = { 'x-simulator-fault': Buffer.from(json, encoding).toString('latin1') };
      const response = await post(simulator, streamed, sent);
      assert.match(await response.text(), /"message":"Größe"/, encoding);
    }
  });

  test('of a request to another path counts for its answer too', async () => {
    await using simulator = await start();
    const headers = { 'anthropic-version': 'x', ...header({ kind: 'status', status: 503 }) };
    assert.equal((await fetch(`${simulator.url}/v1/models`, { headers })).status, 503);
  });

  const wrong: readonly [plan: unknown, message: string][] = [
    [{}, 'x-simulator-fault.kind: Field required'],
    [{ kind: 'explode' }, "x-simulator-fault.kind: Input should be 'status', 'drop', 'body', "],
    [{ kind: 'status' }, 'x-simulator-fault.status: Field required'],
    [
      { kind: 'status', status: 418 },
      'x-simulator-fault.status: Input should be 400, 401, 402, 403, 404, 408',
    ],
    [
      { kind: 'status', status: 429, retryAfter: 'x\ny' },
      'x-simulator-fault.retryAfter: Input should be one line',
    ],
    [
      { kind: 'status', status: 529, shouldRetry: 1 },
      'x-simulator-fault.shouldRetry: Input should be a valid bool',
    ],
    [{ kind: 'cut', atByte: -1 }, 'x-simulator-fault.atByte: Input should be greater than or equal to 0'],
    [
      { kind: 'cut', atByte: 1, atEvent: 1 },
      'x-simulator-fault.atEvent: atByte and atEvent cannot both be given',
    ],
    [{ kind: 'cut', by: 'axe' }, "x-simulator-fault.by: Input should be 'fin', 'rst'"],
    [{ kind: 'crlf', byte: 1 }, 'x-simulator-fault.byte: Extra inputs are not permitted'],
    [
      { kind: 'huge_event', bytes: 2 ** 40 },
      'x-simulator-fault.bytes: Input should be less than or equal to',
    ],
    [{ kind: 'crlf', probability: 2 }, 'x-simulator-fault.probability: Input should be a number from 0 to 1'],
    [{ kind: 'refuse' }, "x-simulator-fault: 'refuse' is only possible by option, not by request"],
    [
      [{ kind: 'crlf' }, { kind: 'split', bytes: 0 }],
      'x-simulator-fault.1.bytes: Input should be greater than',
    ],
    [
      { faults: [{ kind: 'split', bytes: 'x' }] },
      'x-simulator-fault.faults.0.bytes: Input should be a valid integer',
    ],
    [{ faults: {} }, 'x-simulator-fault.faults: Input should be a valid array'],
    [{ faults: [], seed: 'x' }, 'x-simulator-fault.seed: Input should be a valid number'],
    [{ faults: [], x: 1 }, 'x-simulator-fault.x: Extra inputs are not permitted'],
    [
      Array.from({ length: 21 }, () => ({ kind: 'crlf' })),
      'x-simulator-fault: at most 20 faults are possible',
    ],
  ];

  test('that is none is answered with 400, which names the field', async () => {
    await using simulator = await start();
    const messageFor = async (prompt: string, headers: Record<string, string>): Promise<string> => {
      const response = await post(simulator, toBody(prompt, { stream: true }), headers);
      const { error } = (await response.json()) as { error: { type: string; message: string } };
      assert.deepEqual([response.status, error.type], [400, 'invalid_request_error']);
      return error.message;
    };
    for (const [plan, message] of wrong) {
      assert.equal((await messageFor('Hi', header(plan))).slice(0, message.length), message);
    }
    assert.match(
      await messageFor('Hi', { 'x-simulator-fault': '{"kind"' }),
      /^x-simulator-fault: not valid JSON: /,
    );
    assert.match(await messageFor('/fault', {}), /^\/fault\.faults\.0\.kind: Input should be 'status', /);
    assert.match(
      await messageFor('/fault cut soon', {}),
      /^\/fault\.faults\.0\.atByte: Input should be a valid int/,
    );
    assert.match(await messageFor('/fault refuse', {}), /^\/fault: 'refuse' is only possible by option/);
  });

  test('that is none rejects with a RangeError where it is set', async () => {
    const plan = { kind: 'status', status: 200 } as const;
    const expected = {
      name: 'RangeError',
      message: /^Cannot use the fault plan: faults\.status: Input should be 400/,
    };
    await assert.rejects(start({ faults: plan }), expected);
    await using simulator = await start();
    await assert.rejects(simulator.faults.set(plan), expected);
    assert.equal(simulator.faults.plan, undefined);
  });
});
