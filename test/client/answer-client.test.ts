// The small door of the client: every ending, what is made again and gone on with, and the one loop there may be.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Millrace } from 'millrace/client';
import {
  AnswerClient,
  ApiError,
  ConfigurationError,
  ConnectionError,
  ProtocolError,
  TimeoutError,
  TruncatedError,
} from 'millrace/client/answer';
import type { AnswerOptions, ClientEvent, RetryEvent, StreamedAnswer } from 'millrace/client/answer';
import { PartialJson } from 'millrace/protocol';
import type { ToolInput, ToolUseBlock } from 'millrace/protocol';
import { startSimulator } from 'millrace/simulator';
import type { Simulator } from 'millrace/simulator';
import { IdleClock } from '../support/idle-clock.ts';
import { cleanEnd, startRawServer, streamResponse } from '../support/raw-server.ts';
import { messageEnd, messageStart, sse, textEvents, toolEvents } from '../support/streams.ts';
import { turnsUntil } from '../support/turns.ts';

type Answer = StreamedAnswer<ToolInput>;

const params = {
  model: 'claude-sonnet-5',
  max_tokens: 4000,
  messages: [{ role: 'user' as const, content: 'Hi' }],
};

/** A simulator that gives this text with these faults, and a client of it. */
async function withFaults(faults: string | [], text = 'The wheel turns, and the water runs.') {
  const simulator = await startSimulator({ speed: 0, faults });
  simulator.reply(text);
  const client = new AnswerClient({ apiKey: 'k', baseURL: simulator.url, random: () => 0 });
  return {
    simulator,
    ask: (options: AnswerOptions = {}) => client.stream(params, { retry: { maxRetries: 0 }, ...options }),
    [Symbol.asyncDispose]: () => simulator[Symbol.asyncDispose](),
  };
}

async function read(answer: AsyncIterable<ClientEvent>): Promise<{ types: string[]; error: unknown }> {
  const types: string[] = [];
  try {
    for await (const { type } of answer) types.push(type);
    return { types, error: undefined };
  } catch (error) {
    return { types, error };
  }
}

function textOf({ message }: Answer): string {
  return (message?.content ?? []).map((block) => (block.type === 'text' ? block.text : '')).join('');
}

const closedOf = async ({ requests }: Simulator): Promise<unknown> => requests.at(-1)?.closed;

test('a complete answer is a loop over its events, with message, usage, attempts and ending behind it', async () => {
  await using server = await withFaults('split 3');
  const answer = server.ask();
  const { ending } = answer;
  assert.equal(ending, undefined);
  const { types, error } = await read(answer);
  assert.equal(error, undefined);
  assert.deepEqual([types[0], types.at(-1)], ['message_start', 'message_stop']);
  assert.equal(textOf(answer), 'The wheel turns, and the water runs.');
  assert.equal(answer.ending?.type, 'complete');
  assert.equal(answer.message?.stop_reason, 'end_turn');
  assert.match(String(answer.request_id), /^req_/);
  assert.deepEqual(answer.usage, answer.message.usage);
  assert.deepEqual(
    answer.attempts.map(({ kind, isUsageExact }) => [kind, isUsageExact]),
    [['first', true]],
  );
});

test('textStream is another way to be the one loop', async () => {
  await using server = await withFaults([]);
  const answer = server.ask();
  let text = '';
  for await (const piece of answer.textStream) text += piece;
  assert.equal(text, 'The wheel turns, and the water runs.');
  assert.equal(answer.ending?.type, 'complete');
});

const failures: readonly {
  readonly what: string;
  readonly faults: string;
  readonly ending: string;
  readonly type: new (...values: never[]) => Error;
}[] = [
  { what: 'is reset', faults: 'cut atEvent=5 by=rst', ending: 'failed', type: ConnectionError },
  { what: 'has an error event', faults: 'error_event atEvent=5', ending: 'failed', type: ApiError },
  { what: 'has an event that is not JSON', faults: 'invalid_json 5', ending: 'failed', type: ProtocolError },
];

for (const { what, faults, ending, type } of failures) {
  test(`an answer that ${what} throws ${type.name} with what had arrived, and has the ending ${ending}`, async () => {
    await using server = await withFaults(faults);
    const answer = server.ask();
    const { types, error } = await read(answer);
    assert.ok(types.length > 0);
    assert.ok(error instanceof type, String(error));
    assert.equal((error as TruncatedError).partial, answer.message);
    assert.equal((error as TruncatedError).requestId, answer.request_id);
    assert.equal(answer.ending?.type, ending);
    assert.equal((answer.ending as { error?: unknown }).error, error);
  });
}

test('an answer that ends cleanly before message_stop throws TruncatedError with what had arrived, and is truncated', async () => {
  const cut = sse(messageStart, ...textEvents(0, 'Hel').slice(0, -1));
  await using server = await startRawServer(() => ({ bytes: streamResponse(cut) + cleanEnd, then: 'fin' }));
  const answer = new AnswerClient({ apiKey: 'k', baseURL: server.url }).stream(params);
  const { error } = await read(answer);
  assert.ok(error instanceof TruncatedError);
  assert.equal(error.partial, answer.message);
  assert.equal(error.requestId, 'req_test');
  assert.equal(answer.ending?.type, 'truncated');
  assert.equal(textOf(answer), 'Hel');
});

test('an answer that falls silent throws TimeoutError and is stalled', async () => {
  await using simulator = await startSimulator({ speed: 0, faults: 'stall atEvent=5 pings=false' });
  const clock = new IdleClock();
  const client = new AnswerClient({ apiKey: 'k', baseURL: simulator.url, clock, retry: { maxRetries: 0 } });
  const answer = client.stream(params, { timeouts: { idleMs: 5000 } });
  const { error } = await clock.until(read(answer), 5000);
  assert.ok(error instanceof TimeoutError);
  assert.equal(error.code, 'idle_timeout');
  assert.equal(answer.ending?.type, 'stalled');
});

test('a refusal before any content is made again, and onRetry is told; what that throws changes nothing', async (t) => {
  await using server = await withFaults('status 529 times=2');
  const warn = t.mock.method(console, 'warn', () => undefined);
  const retries: RetryEvent[] = [];
  const answer = server.ask({
    retry: { maxRetries: 2, maxDelayMs: 0 },
    onRetry: (event) => {
      retries.push(event);
      throw new Error('of the listener');
    },
  });
  assert.equal((await read(answer)).error, undefined);
  assert.deepEqual(
    retries.map(({ attempt, kind, error }) => [attempt, kind, error.code]),
    [
      [2, 'retry', 'overloaded_error'],
      [3, 'retry', 'overloaded_error'],
    ],
  );
  assert.equal(warn.mock.callCount(), 2);
});

test('another model answers where the first keeps failing', async () => {
  await using server = await withFaults('status 529 times=1');
  const answer = server.ask({ fallback: ['claude-haiku-4-5'] });
  assert.equal((await read(answer)).error, undefined);
  assert.match(String(answer.message?.model), /^claude-haiku-4-5/);
  assert.deepEqual(
    answer.attempts.map(({ kind }) => kind),
    ['first', 'fallback'],
  );
});

for (const by of ['rst', 'fin']) {
  test(`recover: an answer that breaks off (${by}) is gone on with, and is what it would have been`, async () => {
    await using simulator = await startSimulator({ speed: 0, faults: `cut 2000 by=${by} times=1` });
    const client = new AnswerClient({ apiKey: 'k', baseURL: simulator.url, random: () => 0, recover: true });
    const asked = { ...params, messages: [{ role: 'user' as const, content: 'long 120' }] };
    const kinds: string[] = [];
    const answer = client.stream(asked, { onRetry: ({ kind }) => kinds.push(kind) });
    const { types, error } = await read(answer);
    assert.equal(error, undefined);
    assert.equal(types.filter((type) => type === 'recover').length, 1);
    assert.deepEqual(kinds, ['recovery']);
    assert.deepEqual(
      answer.attempts.map(({ kind }) => kind),
      ['first', 'recovery'],
    );
    const unbroken = client.stream(asked);
    assert.equal((await read(unbroken)).error, undefined);
    assert.equal(unbroken.attempts.length, 1);
    assert.equal(textOf(answer), textOf(unbroken));
  });
}

test('it yields what messages.stream() of Millrace yields, event for event', async () => {
  const faults = 'cut 900 by=rst times=1';
  const events: ClientEvent[][] = [];
  const messages: unknown[] = [];
  for (const small of [true, false]) {
    await using simulator = await startSimulator({ speed: 0, seed: 7, faults });
    const options = { apiKey: 'k', baseURL: simulator.url, random: () => 0, recover: true };
    const asked = { ...params, messages: [{ role: 'user' as const, content: 'long 120' }] };
    const answer = small
      ? new AnswerClient(options).stream(asked)
      : new Millrace(options).messages.stream(asked);
    const seen: ClientEvent[] = [];
    for await (const event of answer) seen.push(event);
    events.push(seen);
    messages.push(structuredClone('message' in answer ? answer.message : answer.currentMessage));
  }
  const plain = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value).replaceAll(/"(?:msg|req)_\w+"/g, '"id"'));
  assert.ok(events[0]?.some(({ type }) => type === 'recover'));
  assert.deepEqual(plain(events[0]), plain(events[1]));
  assert.deepEqual(plain(messages[0]), plain(messages[1]));
});

test('abort(): the loop throws the reason, the connection is closed, what had arrived stays', async () => {
  await using server = await withFaults('stall atEvent=5');
  const answer = server.ask();
  const reason = new Error('enough');
  const reading = (async () => {
    for await (const { type } of answer) if (type === 'content_block_start') answer.abort(reason);
  })();
  await assert.rejects(reading, (error) => error === reason);
  assert.equal(answer.ending?.type, 'aborted');
  assert.equal(answer.message?.content.length, 1);
  assert.equal(await closedOf(server.simulator), 'aborted');
});

test('a signal aborts, with its reason, also an answer that nobody reads', async () => {
  await using server = await withFaults('stall atEvent=5');
  const controller = new AbortController();
  const answer = server.ask({ signal: controller.signal });
  await turnsUntil(() => server.simulator.requests.length === 1);
  controller.abort('stop');
  await turnsUntil(() => answer.ending !== undefined);
  assert.equal(answer.ending?.type, 'aborted');
  assert.equal(await closedOf(server.simulator), 'aborted');
  assert.equal((await read(answer)).error, 'stop');
});

test('a signal that had aborted before sends nothing', async () => {
  await using server = await withFaults([]);
  const answer = server.ask({ signal: AbortSignal.abort('before') });
  assert.equal((await read(answer)).error, 'before');
  assert.equal(answer.ending?.type, 'aborted');
  assert.equal(server.simulator.requests.length, 0);
});

const leavings: Readonly<Record<string, (answer: Answer) => Promise<unknown>>> = {
  'by break': async (answer) => {
    for await (const { type } of answer) if (type === 'message_start') break;
  },
  'by an error': (answer) =>
    assert.rejects(async () => {
      for await (const { type } of answer) throw new TypeError(type);
    }, TypeError),
  'by break out of textStream': async (answer) => {
    for await (const piece of answer.textStream) if (piece !== '') break;
  },
  'by return() before its first event': async (answer) => {
    const events = answer[Symbol.asyncIterator]();
    await events.return();
    assert.equal((await events.next()).done, true);
  },
  'by return() while an event is waited for': async (answer) => {
    const events = answer[Symbol.asyncIterator]();
    for (let count = 0; count < 5; count += 1) await events.next();
    const waiting = events.next();
    await Promise.all([events.return(), assert.rejects(waiting, { name: 'AbortError' })]);
  },
  'by return() of textStream before its first piece': async (answer) => {
    await answer.textStream.return();
  },
  'by await using': async (answer) => {
    await using disposed = answer;
    assert.equal(disposed, answer);
  },
};

for (const [how, leave] of Object.entries(leavings)) {
  test(`a loop that is left ${how} aborts the answer and closes the connection`, async () => {
    await using server = await withFaults('stall atEvent=5; split 1');
    const answer = server.ask();
    await turnsUntil(() => server.simulator.requests.length === 1);
    await leave(answer);
    assert.equal(answer.ending?.type, 'aborted');
    assert.equal((answer.ending.error as Error).name, 'AbortError');
    assert.equal(await closedOf(server.simulator), 'aborted');
  });
}

test('await using leaves an answer that is complete as it is', async () => {
  await using server = await withFaults([]);
  await using answer = server.ask();
  assert.equal((await read(answer)).error, undefined);
  await answer[Symbol.asyncDispose]();
  assert.equal(answer.ending?.type, 'complete');
  assert.equal(answer.controller.signal.aborted, false);
});

test('a second loop is a TypeError, and leaves the first alone', async () => {
  await using server = await withFaults([]);
  const answer = server.ask();
  const events = answer[Symbol.asyncIterator]();
  assert.throws(() => answer[Symbol.asyncIterator](), TypeError);
  await assert.rejects(answer.textStream.next(), TypeError);
  const { types } = await read(events);
  assert.equal(types.at(-1), 'message_stop');
  assert.equal(answer.ending?.type, 'complete');
});

test('a failure that nobody reads is in ending, and is no unhandled rejection', async (t) => {
  const unhandled: unknown[] = [];
  const listen = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', listen);
  t.after(() => process.off('unhandledRejection', listen));
  await using server = await withFaults('drop rst');
  const answer = server.ask();
  await turnsUntil(() => answer.ending !== undefined);
  await new Promise(setImmediate);
  assert.equal(answer.ending?.type, 'failed');
  assert.deepEqual(unhandled, []);
});

test('nothing is read of the environment; without a key the answer fails, and another header stands in for one', async (t) => {
  const before = process.env['ANTHROPIC_API_KEY'];
  process.env['ANTHROPIC_API_KEY'] = 'of-the-environment';
  t.after(() => {
    if (before === undefined) delete process.env['ANTHROPIC_API_KEY'];
    else process.env['ANTHROPIC_API_KEY'] = before;
  });
  await using simulator = await startSimulator({ speed: 0 });
  const keyless = new AnswerClient({ baseURL: simulator.url }).stream(params);
  const { error } = await read(keyless);
  assert.ok(error instanceof ConfigurationError);
  assert.equal(error.code, 'missing_api_key');
  const headers = { 'x-api-key': 'of-the-header' };
  const answer = new AnswerClient({ baseURL: simulator.url }).stream(params, { headers });
  assert.equal((await read(answer)).error, undefined);
});

test('an option out of range is a RangeError, and sends nothing', () => {
  assert.throws(() => new AnswerClient({ apiKey: 'k', timeouts: { idleMs: 0 } }), RangeError);
  const client = new AnswerClient({ apiKey: 'k' });
  assert.throws(() => client.stream(params, { retry: { maxRetries: -1 } }), /retry\.maxRetries: -1; a whole/);
});

const calling = sse(messageStart, ...toolEvents(0, '{"city":', '"Lisbon"}'), ...messageEnd);

test('a tool has its input when its block has ended; with PartialJson it grows', async () => {
  await using server = await startRawServer(() => ({
    bytes: streamResponse(calling) + cleanEnd,
    then: 'fin',
  }));
  const seenBy = async (client: AnswerClient<ToolInput>): Promise<unknown[]> => {
    const seen: unknown[] = [];
    const answer = client.stream(params);
    for await (const { type } of answer) {
      const [block] = (answer.message?.content ?? []) as ToolUseBlock[];
      if (block !== undefined && type.startsWith('content_block_')) seen.push(structuredClone(block.input));
    }
    const [block] = answer.message?.content ?? [];
    const input = block && answer.inputOf(block);
    assert.deepEqual([input?.complete, input?.text], [true, '{"city":"Lisbon"}']);
    return seen;
  };
  const options = { apiKey: 'k', baseURL: server.url };
  const whole = await seenBy(new AnswerClient(options));
  assert.deepEqual([whole[0], whole.at(-2), whole.at(-1)], [{}, {}, { city: 'Lisbon' }]);
  const growing = await seenBy(new AnswerClient({ ...options, createInput: () => new PartialJson() }));
  assert.deepEqual(
    [growing[0], growing.at(-2), growing.at(-1)],
    [{}, { city: 'Lisbon' }, { city: 'Lisbon' }],
  );
});

test('a tool input that is cut or no JSON keeps its text, with what is wrong with it', async () => {
  const broken = sse(messageStart, ...toolEvents(0, '{"city":', '"Lis'), ...messageEnd);
  await using server = await startRawServer(() => ({
    bytes: streamResponse(broken) + cleanEnd,
    then: 'fin',
  }));
  const answer = new AnswerClient({ apiKey: 'k', baseURL: server.url }).stream(params);
  assert.equal((await read(answer)).error, undefined);
  const [block] = answer.message?.content ?? [];
  const input = block && answer.inputOf(block);
  assert.deepEqual((block as ToolUseBlock | undefined)?.input, {});
  assert.deepEqual(
    [input?.complete, input?.text, input?.error?.code],
    [false, '{"city":"Lis', 'invalid_json'],
  );
});
