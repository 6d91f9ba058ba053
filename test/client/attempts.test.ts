// When another attempt is made, after how long, and what it costs: time is the test's own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiError, ConnectionError, Millrace, TimeoutError } from 'millrace/client';
import type { ClientOptions, RetryEvent, Transport } from 'millrace/client';
import type { StreamEvent } from 'millrace/protocol';
import { startSimulator } from 'millrace/simulator';
import type { Fault, Simulator } from 'millrace/simulator';
import { IdleClock } from '../support/idle-clock.ts';
import { cleanEnd, startRawServer, streamResponse } from '../support/raw-server.ts';
import { messageEnd, messageStart, sse, textEvents, toolEvents } from '../support/streams.ts';

const params = {
  model: 'claude-sonnet-5',
  max_tokens: 4000,
  messages: [{ role: 'user' as const, content: 'echo one two three' }],
};

interface Setting {
  readonly client: Millrace;
  readonly clock: IdleClock;
}

function clientOf(url: string, options: ClientOptions = {}): Setting {
  const clock = new IdleClock();
  const client = new Millrace({ apiKey: 'k', baseURL: url, clock, random: () => 0.5, ...options });
  return { client, clock };
}

/** The text of an answer that the simulator gives under these faults, and what happened on the way. */
async function askUnder(
  simulator: Simulator,
  faults: Fault | readonly Fault[],
  options: ClientOptions = {},
): Promise<{
  text: string | undefined;
  error: unknown;
  retries: RetryEvent[];
  requests: number;
  waits: number[];
}> {
  await simulator.faults.set(faults);
  const before = simulator.requests.length;
  const { client, clock } = clientOf(simulator.url, options);
  const retries: RetryEvent[] = [];
  const stream = client.messages.stream(params).on('retry', (event) => retries.push(event));
  const answered = stream.finalText().then(
    (text) => ({ text, error: undefined }),
    (error: unknown) => ({ text: undefined, error }),
  );
  const { text, error } = await clock.until(answered);
  const waits = retries.map(({ delayMs }) => delayMs);
  return { text, error, retries, requests: simulator.requests.length - before, waits };
}

test('a failure before any content is retried, with delays drawn from a range that doubles', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const cases: [fault: Fault, waits: number[]][] = [
    // Half of 500 and 1,000: transient.
    [{ kind: 'status', status: 500, times: 2 }, [250, 500]],
    [{ kind: 'status', status: 408, times: 2 }, [250, 500]],
    [{ kind: 'status', status: 409, times: 2 }, [250, 500]],
    [{ kind: 'status', status: 502, times: 2 }, [250, 500]],
    // Half of 1,000 and 2,000: overloaded.
    [{ kind: 'status', status: 529, times: 2 }, [500, 1000]],
    [{ kind: 'status', status: 503, times: 2 }, [500, 1000]],
    // As long as the server says, when that is longer.
    [{ kind: 'status', status: 429, retryAfter: 7, times: 1 }, [7000]],
    [{ kind: 'status', status: 504, times: 1 }, [250]],
    [{ kind: 'drop', by: 'rst', times: 1 }, [250]],
    [{ kind: 'error_event', type: 'overloaded_error', atEvent: 0, times: 1 }, [500]],
    [{ kind: 'error_event', type: 'api_error', atEvent: 1, times: 1 }, [250]],
    [{ kind: 'cut', atEvent: 2, by: 'fin', lingerMs: 0, times: 1 }, [250]],
    [{ kind: 'body', body: 'nothing', times: 1 }, [250]],
    // A server that says so is obeyed, whatever the status.
    [{ kind: 'status', status: 400, shouldRetry: true, times: 1 }, [250]],
  ];
  for (const [fault, waits] of cases) {
    const answer = await askUnder(simulator, fault);
    const name = JSON.stringify(fault);
    assert.equal(answer.error, undefined, name);
    assert.equal(answer.text, 'one two three', name);
    assert.deepEqual(answer.waits, waits, name);
    assert.equal(answer.requests, waits.length + 1, name);
    assert.deepEqual(
      answer.retries.map(({ attempt, kind, model }) => [attempt, kind, model]),
      waits.map((_, index) => [index + 2, 'retry', 'claude-sonnet-5']),
      name,
    );
  }
});

test('every failure of a server is retried: one that may have been billed once, unless the server says otherwise', async () => {
  const statuses = [
    [500, 3],
    [501, 3],
    [502, 3],
    [503, 3],
    [504, 2],
    [507, 3],
    [520, 3],
    [521, 3],
    [522, 3],
    [523, 3],
    [524, 2],
    [525, 3],
    [529, 3],
    [530, 3],
  ] as const;
  for (const [status, wanted] of statuses) {
    for (const shouldRetry of [undefined, 'true', 'false']) {
      const headers = shouldRetry === undefined ? '' : `x-should-retry: ${shouldRetry}\r\n`;
      const bytes = `HTTP/1.1 ${status} Failed\r\n${headers}content-length: 0\r\n\r\n`;
      await using server = await startRawServer(() => ({ bytes, then: 'hold' }));
      const { client, clock } = clientOf(server.url);
      await assert.rejects(clock.until(client.messages.create(params)), { status });
      const requests = shouldRetry === undefined ? wanted : shouldRetry === 'true' ? 3 : 1;
      assert.equal(server.requests.length, requests, `${status}, ${shouldRetry}`);
    }
  }
});

test('a failure that another attempt would not mend is not retried', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const faults: Fault[] = [
    ...[400, 401, 402, 403, 404, 413].map((status): Fault => ({ kind: 'status', status })),
    // Without a time to come back it is a spending limit.
    { kind: 'status', status: 429, shouldRetry: undefined as never },
    { kind: 'status', status: 500, shouldRetry: false },
    { kind: 'body', body: 'html' },
    { kind: 'body', body: 'json' },
    { kind: 'error_event', type: 'invalid_request_error', atEvent: 1 },
  ];
  for (const fault of faults) {
    const wanted = { ...fault };
    if ('status' in wanted && wanted.status === 429) wanted.shouldRetry = false;
    const answer = await askUnder(simulator, wanted);
    assert.ok(answer.error instanceof Error, JSON.stringify(fault));
    assert.equal(answer.requests, 1, JSON.stringify(fault));
  }
});

test('a 429 that does not say when to come back is retried only where that is asked for', async () => {
  const refusal =
    'HTTP/1.1 429 Too Many Requests\r\ncontent-length: 72\r\n\r\n' +
    '{"type":"error","error":{"type":"rate_limit_error","message":"no more"}}';
  await using server = await startRawServer(() => ({ bytes: refusal, then: 'hold' }));
  const plain = clientOf(server.url);
  await assert.rejects(plain.clock.until(plain.client.messages.create(params)), { status: 429 });
  assert.equal(server.requests.length, 1);
  const asked = clientOf(server.url, { retry: { retryUnboundedRateLimit: true } });
  await assert.rejects(asked.clock.until(asked.client.messages.create(params)), { status: 429 });
  assert.equal(server.requests.length, 4);
});

test('a rate limit that a begun stream runs into is retried: it has no header to say when to come back', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const fault: Fault = { kind: 'error_event', type: 'rate_limit_error', atEvent: 0, times: 1 };
  const { text, waits } = await askUnder(simulator, fault);
  assert.equal(text, 'one two three');
  assert.deepEqual(waits, [500]);
});

test('a wait longer than maxRetryAfterMs is not waited, and the error says how long it is', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const { error, requests } = await askUnder(simulator, { kind: 'status', status: 429, retryAfter: 3600 });
  assert.ok(error instanceof ApiError);
  assert.equal(error.retryAfterMs, 3_600_000);
  assert.equal(requests, 1);
});

test('maxRetries bounds the attempts, of create() and countTokens() as well', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const fault: Fault = { kind: 'status', status: 529 };
  const three = await askUnder(simulator, fault, { retry: { maxRetries: 3 } });
  assert.equal(three.requests, 4);
  assert.ok(three.error instanceof ApiError);
  const none = await askUnder(simulator, fault, { retry: { maxRetries: 0 } });
  assert.equal(none.requests, 1);
  const { client, clock } = clientOf(simulator.url);
  const before = simulator.requests.length;
  await assert.rejects(clock.until(client.messages.create(params)), { status: 529 });
  assert.equal(simulator.requests.length - before, 3);
  await assert.rejects(clock.until(client.messages.create({ ...params, stream: true })), { status: 529 });
  assert.equal(simulator.requests.length - before, 6);
  await simulator.faults.clear();
  await using refusing = await startRawServer(() => ({ bytes: '', then: 'rst' }));
  const counting = clientOf(refusing.url);
  await assert.rejects(
    counting.clock.until(counting.client.messages.countTokens(params)),
    (error) => error instanceof ConnectionError,
  );
  assert.equal(refusing.requests.length, 3);
});

test('a retry can be aborted while it waits', async () => {
  await using simulator = await startSimulator({ speed: 0, faults: { kind: 'status', status: 529 } });
  const { client } = clientOf(simulator.url);
  const reason = new Error('enough');
  const stream = client.messages.stream(params);
  stream.on('retry', () => stream.abort(reason));
  // Time never passes here: only the abort ends the wait.
  await assert.rejects(stream.done(), reason);
  assert.equal(stream.ending?.type, 'aborted');
  assert.equal(simulator.requests.length, 1);
});

test('a thousand requests to a server that only says 529 make at most ten in a hundred calls more', async () => {
  await using simulator = await startSimulator({ speed: 0, faults: { kind: 'status', status: 529 } });
  const { client, clock } = clientOf(simulator.url);
  let calls = 0;
  const count = 1000;
  const outcomes = await clock.until(
    Promise.all(
      Array.from({ length: count }, async () => {
        const stream = client.messages.stream(params);
        const error: unknown = await stream.done().catch((reason: unknown) => reason);
        calls += stream.attempts.length;
        return error;
      }),
    ),
  );
  assert.ok(outcomes.every((error) => error instanceof ApiError && error.status === 529));
  assert.ok(calls > count, 'some were retried');
  assert.ok(calls <= count * 1.1, `${calls} calls for ${count} requests`);
});

test('each limit of time has its own error', async () => {
  const cases: [fault: Fault, timeouts: ClientOptions['timeouts'], code: string, limitMs: number][] = [
    [{ kind: 'slow_headers', ms: 3_600_000 }, { headersMs: 5000 }, 'headers_timeout', 5000],
    [{ kind: 'slow_headers', ms: 3_600_000 }, {}, 'headers_timeout', 120_000],
    [{ kind: 'stall', atEvent: 4, pings: false }, { idleMs: 700 }, 'idle_timeout', 700],
    [{ kind: 'stall', atEvent: 4, pings: false }, {}, 'idle_timeout', 90_000],
    [{ kind: 'stall', atEvent: 4, pings: false }, { totalMs: 1234 }, 'total_timeout', 1234],
  ];
  for (const [fault, timeouts, code, limitMs] of cases) {
    await using simulator = await startSimulator({ speed: 0, faults: fault });
    const { client, clock } = clientOf(simulator.url, { timeouts, retry: { maxRetries: 0 } });
    const stream = client.messages.stream(params);
    const ended = stream.done().catch((reason: unknown) => reason);
    if (fault.kind === 'stall')
      await new Promise<void>((resolve) => void stream.once('text', () => resolve()));
    else await simulator.waitFor(({ body }) => body !== undefined);
    const error = await clock.until(ended, Infinity);
    assert.ok(error instanceof TimeoutError, `${code}: ${String(error)}`);
    assert.deepEqual([error.code, error.limitMs], [code, limitMs]);
    assert.equal(error.partial?.role, fault.kind === 'stall' ? 'assistant' : undefined);
    assert.equal(stream.ending?.type, 'stalled');
    // The socket is closed as well.
    const [request] = simulator.requests;
    assert.equal(await request?.closed, 'aborted');
  }
});

test('an error whose body does not come in time is the error that its status and headers say', async () => {
  const headers = new Headers({ 'retry-after': '7', 'request-id': 'req_h' });
  const transport: Transport = async ({ signal }) => {
    const read = (): Promise<never> =>
      new Promise((_, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason));
      });
    return { status: 429, headers, body: { read, cancel: async () => undefined } };
  };
  const { client, clock } = clientOf('http://api.example', { transport, retry: { maxRetries: 0 } });
  const done = client.messages.stream(params).done();
  const error: unknown = await clock.until(
    done.catch((reason: unknown) => reason),
    Infinity,
  );
  assert.ok(error instanceof ApiError, String(error));
  assert.deepEqual([error.status, error.retryAfterMs, error.requestId], [429, 7000, 'req_h']);
});

test('pings feed the idle limit and not the limit of progress', async () => {
  const ping = sse({ type: 'ping' });
  const later = Promise.withResolvers<string>();
  const head = sse(messageStart, ...textEvents(0, 'Hel').slice(0, 2));
  await using server = await startRawServer(() => ({
    bytes: streamResponse(head),
    then: 'hold',
    later: later.promise,
  }));
  const { client, clock } = clientOf(server.url, {
    retry: { maxRetries: 0 },
    timeouts: { idleMs: 90_000, progressMs: 100_000 },
  });
  const stream = client.messages.stream(params);
  const pinged = new Promise<void>((resolve) => void stream.once('ping', () => resolve()));
  // The read that waits for the ping begins when the text has been shown.
  await new Promise<void>((resolve) => void stream.once('text', () => setImmediate(resolve)));
  clock.skip(80_000);
  later.resolve(`${Buffer.byteLength(ping).toString(16)}\r\n${ping}\r\n`);
  await pinged;
  const error: unknown = await clock.until(
    stream.done().catch((reason: unknown) => reason),
    Infinity,
  );
  assert.ok(error instanceof TimeoutError, String(error));
  assert.deepEqual([error.code, error.limitMs], ['progress_timeout', 100_000]);
  assert.equal(stream.ending?.type, 'stalled');
});

test('a reader that is slow is not a server that is silent', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const { client, clock } = clientOf(simulator.url, { timeouts: { idleMs: 50 } });
  const text: string[] = [];
  for await (const piece of client.messages.stream(params).textStream) {
    text.push(piece);
    clock.skip(3_600_000);
    clock.fireDue();
  }
  assert.equal(text.join(''), 'one two three');
});

test('an option out of range is a RangeError that names it', () => {
  const client = new Millrace({ apiKey: 'k' });
  const wrong: [options: object, message: RegExp][] = [
    [{ timeouts: { idleMs: 0 } }, /timeouts\.idleMs: 0; a number above 0/],
    [{ timeouts: { totalMs: Number.NaN } }, /timeouts\.totalMs: NaN/],
    [{ retry: { maxRetries: 1.5 } }, /retry\.maxRetries: 1\.5; a whole number/],
    [{ retry: { maxRetryAfterMs: -1 } }, /retry\.maxRetryAfterMs: -1/],
    [{ recover: { maxRecoveries: -1 } }, /recover\.maxRecoveries: -1/],
  ];
  for (const [options, message] of wrong) {
    assert.throws(() => client.messages.stream(params, options), { name: 'RangeError', message });
    assert.throws(() => new Millrace({ apiKey: 'k', ...options }), { name: 'RangeError', message });
  }
});

test('models to fall back to are asked in order, each visibly', async () => {
  await using simulator = await startSimulator({
    speed: 0,
    faults: { kind: 'status', status: 529, times: 4 },
  });
  const { client, clock } = clientOf(simulator.url);
  const events: RetryEvent[] = [];
  const stream = client.messages
    .stream(params, { fallback: ['claude-opus-4-8', 'claude-haiku-4-5'] })
    .on('retry', (event) => events.push(event));
  const message = await clock.until(stream.finalMessage());
  assert.equal(message.model, 'claude-opus-4-8');
  assert.deepEqual(
    events.map(({ kind, model }) => [kind, model]),
    [
      ['retry', 'claude-sonnet-5'],
      ['retry', 'claude-sonnet-5'],
      ['fallback', 'claude-opus-4-8'],
      ['retry', 'claude-opus-4-8'],
    ],
  );
  assert.deepEqual(
    simulator.requests.map(({ body }) => (body as { model: string }).model),
    ['claude-sonnet-5', 'claude-sonnet-5', 'claude-sonnet-5', 'claude-opus-4-8', 'claude-opus-4-8'],
  );
});

test('a model that is not there is fallen back from; a bad request is not', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const { client, clock } = clientOf(simulator.url);
  const fallback = ['claude-haiku-4-5'];
  const message = await clock.until(
    client.messages.stream({ ...params, model: 'claude-none-9' }, { fallback }).finalMessage(),
  );
  assert.match(message.model, /^claude-haiku-4-5/);
  await assert.rejects(
    clock.until(client.messages.stream({ ...params, max_tokens: 0 }, { fallback }).done()),
    { status: 400 },
  );
});

test('fallback non-streaming gives the same message, as events, when streams keep breaking', async () => {
  const body = sse(messageStart, ...textEvents(0, 'Hel').slice(0, 1));
  const whole = JSON.stringify({
    ...(messageStart as { message: object }).message,
    content: [
      { type: 'thinking', thinking: 'hm', signature: 'sig' },
      { type: 'text', text: 'Hello', citations: null },
      { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: { city: 'Paris' } },
      { type: 'redacted_thinking', data: 'x' },
    ],
    stop_reason: 'tool_use',
  });
  const head = `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nrequest-id: req_w\r\ncontent-length: ${whole.length}`;
  await using server = await startRawServer((request) =>
    request.includes('"stream":true')
      ? { bytes: streamResponse(body) + cleanEnd, then: 'fin' }
      : { bytes: `${head}\r\n\r\n${whole}`, then: 'hold' },
  );
  const { client, clock } = clientOf(server.url);
  const stream = client.messages.stream(params, { fallback: 'non-streaming' });
  const message = await clock.until(stream.finalMessage());
  assert.deepEqual(message.content, (JSON.parse(whole) as { content: unknown }).content);
  assert.equal(message.stop_reason, 'tool_use');
  assert.deepEqual(
    stream.attempts.map(({ kind, isStreamed, request_id }) => [kind, isStreamed, request_id]),
    [
      ['first', true, 'req_test'],
      ['retry', true, 'req_test'],
      ['retry', true, 'req_test'],
      ['fallback', false, 'req_w'],
    ],
  );
});

test('a fallback behind message_start names the model that answered', async () => {
  const start = (model: string): StreamEvent => {
    const { message } = messageStart as { message: object };
    return { ...messageStart, message: { ...message, model } } as StreamEvent;
  };
  await using server = await startRawServer((request) => {
    const isSecond = request.includes('claude-haiku-4-5');
    const whole = sse(start('claude-haiku-4-5-20251001'), ...textEvents(0, 'Hello'), ...messageEnd);
    const bytes = streamResponse(isSecond ? whole : sse(start('claude-sonnet-5')));
    return { bytes: bytes + cleanEnd, then: 'fin' };
  });
  const { client, clock } = clientOf(server.url);
  const fallback = ['claude-haiku-4-5'];
  const stream = client.messages.stream(params, { fallback, retry: { maxRetries: 0 } });
  const message = await clock.until(stream.finalMessage());
  assert.equal(message.model, 'claude-haiku-4-5-20251001');
  const models: unknown[] = [];
  for await (const event of stream)
    if (event.type === 'message_delta') models.push((event.delta as { model?: string }).model);
  assert.deepEqual(models, ['claude-haiku-4-5-20251001'], 'who accumulates the events learns of it');
});

test('another attempt that begins with another block replaces the one that was begun', async () => {
  let count = 0;
  await using server = await startRawServer(() => {
    count += 1;
    const [begin] = textEvents(0, 'never');
    const first = sse(messageStart, ...(begin === undefined ? [] : [begin]));
    const second = sse(messageStart, ...toolEvents(0, '', '{"a":1}'), ...messageEnd);
    return { bytes: streamResponse(count === 1 ? first : second) + cleanEnd, then: 'fin' };
  });
  const { client, clock } = clientOf(server.url);
  const stream = client.messages.stream(params);
  const recovers: unknown[] = [];
  stream.on('recover', (event) => recovers.push(event));
  const { content } = await clock.until(stream.finalMessage());
  assert.deepEqual(
    content.map(({ type }) => type),
    ['tool_use'],
  );
  assert.deepEqual(recovers, [{ type: 'recover', from_index: 0, attempt: 2, reason: 'truncated' }]);
});

test('a logger that throws fails no answer', async (t) => {
  const { mock } = t.mock.method(console, 'warn', () => undefined);
  await using simulator = await startSimulator({
    speed: 0,
    faults: { kind: 'status', status: 529, times: 1 },
  });
  const logger = {
    warn: () => {
      throw new Error('full');
    },
  };
  const { client, clock } = clientOf(simulator.url, { logger });
  const stream = client.messages.stream(params).once('text', () => {
    throw new Error('mine');
  });
  assert.equal(await clock.until(stream.finalText()), 'one two three');
  assert.deepEqual(
    mock.calls.map(({ arguments: [what] }) => what as unknown),
    ['logger.warn failed', 'A listener of "text" failed'],
  );
});

test('the logger hears of every further attempt, and of no prompt or key', async () => {
  await using simulator = await startSimulator({
    speed: 0,
    faults: { kind: 'status', status: 529, times: 1 },
  });
  const lines: string[] = [];
  const logger = {
    warn: (message: string, details: object) => lines.push(message + JSON.stringify(details)),
  };
  const { client, clock } = clientOf(simulator.url, { logger, apiKey: 'canary-key' });
  const messages = [{ role: 'user' as const, content: 'echo canary-prompt' }];
  await clock.until(client.messages.stream({ ...params, messages }).done());
  assert.deepEqual(lines, [
    'Attempt 2 (retry) after overloaded_error{"delayMs":500,"model":"claude-sonnet-5","code":"overloaded_error"}',
  ]);
});
