import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Millrace } from 'millrace/client';
import type { AnswerContent, AnswerMetrics, ClientOptions } from 'millrace/client';
import { messageEnd, messageStart, sse, textEvents } from '../support/streams.ts';
import { SteppedClock } from '../support/stepped-clock.ts';

const params = {
  model: 'claude-sonnet-5',
  max_tokens: 100,
  messages: [{ role: 'user' as const, content: 'Hi' }],
};

/** A body whose pieces come after these times. */
function timedBody(
  clock: SteppedClock,
  pieces: readonly (readonly [afterMs: number, text: string])[],
): ReadableStream {
  const left = [...pieces];
  return new ReadableStream({
    pull: async (controller) => {
      const [afterMs, text] = left.shift() ?? [];
      if (afterMs === undefined) return controller.close();
      await new Promise<void>((resolve) => clock.setTimer(resolve, afterMs));
      controller.enqueue(new TextEncoder().encode(text));
    },
  });
}

const [begin, one, two, three, stop] = [
  sse(messageStart, ...textEvents(0).slice(0, 1)),
  ...['a', 'b', 'c'].map((text) => sse(...textEvents(0, text).slice(1, 2))),
  sse(...textEvents(0).slice(1), ...messageEnd),
] as [string, string, string, string, string];

function metering(options: ClientOptions) {
  const records: AnswerMetrics[] = [];
  const contents: AnswerContent[] = [];
  const onMetrics = (metrics: AnswerMetrics, content: AnswerContent): void => {
    records.push(metrics);
    contents.push(content);
  };
  return { client: new Millrace({ apiKey: 'k', onMetrics, ...options }), records, contents };
}

test('onMetrics gets one record for each answer: times, rate, usage, ending', async () => {
  const clock = new SteppedClock();
  const pieces = [
    [100, begin],
    [50, one],
    [20, two + two],
    [30, three + stop],
  ] as const;
  const headers = { 'request-id': 'req_1' };
  const fetch = async (): Promise<Response> => new Response(timedBody(clock, pieces), { headers });
  const { client, records, contents } = metering({ clock, fetch });
  for (const kind of ['stream', 'create'] as const) {
    const reading =
      kind === 'stream'
        ? client.messages.stream(params).done()
        : (async () => {
            for await (const event of await client.messages.create({ ...params, stream: true })) void event;
          })();
    await clock.pass(300);
    await reading;
  }
  assert.equal(records.length, 2);
  const [{ attempts, startedAtMs, ...first }, second] = records as [AnswerMetrics, AnswerMetrics];
  assert.equal(startedAtMs, 0);
  assert.equal(attempts.length, 1);
  assert.deepEqual(first, {
    durationMs: 200,
    isStreamed: true,
    ending: 'complete',
    errorCode: undefined,
    requestModel: 'claude-sonnet-5',
    responseModel: 'claude-sonnet-5',
    messageId: 'msg_1',
    requestId: 'req_1',
    stopReason: 'end_turn',
    timeToFirstTokenMs: 150,
    gapsMs: [20, 30],
    tokensPerSecond: (4 * 1000) / 50,
    usage: { input_tokens: 9, output_tokens: 5 },
    retries: 0,
    recoveries: 0,
    fallbacks: 0,
  });
  assert.deepEqual([second.startedAtMs, second.durationMs, second.timeToFirstTokenMs], [300, 200, 150]);
  assert.deepEqual(contents[0]?.params.messages, params.messages);
  assert.deepEqual(contents[0]?.message?.content, [{ type: 'text', text: 'abbc' }]);
});

test('a record has nothing of what was asked or said', async () => {
  const secret = 'MY SECRET';
  const body = sse(messageStart, ...textEvents(0, secret), ...messageEnd);
  const { client, records } = metering({ fetch: async () => new Response(body) });
  await client.messages
    .stream({ ...params, system: secret, messages: [{ role: 'user', content: secret }] })
    .done();
  assert.equal(records.length, 1);
  assert.ok(!JSON.stringify(records).includes(secret));
});

test('onMetrics hears of every ending, of whole answers and of retries, and not of countTokens', async () => {
  const whole =
    '{"id":"msg_1","type":"message","model":"m","content":[],"stop_reason":"end_turn","usage":{"input_tokens":3,"output_tokens":4}}';
  const answers: (() => Response)[] = [];
  const fetch = async (): Promise<Response> => answers.shift()?.() ?? new Response(begin + one);
  const { client, records } = metering({ fetch, retry: { maxRetries: 1 }, random: () => 0 });
  answers.push(
    () => new Response('{}', { status: 529 }),
    () => new Response(whole),
  );
  await client.messages.create(params);
  await assert.rejects(client.messages.stream(params).done());
  const stopped = client.messages.stream(params);
  stopped.abort('enough');
  await assert.rejects(stopped.done());
  answers.push(() => new Response('{"input_tokens":3}'));
  await client.messages.countTokens(params);
  const refusal = '{"error":{"type":"invalid_request_error","message":"no"}}';
  answers.push(() => new Response(refusal, { status: 400 }));
  await assert.rejects(client.messages.create(params));
  assert.deepEqual(
    records.map(({ isStreamed, ending, errorCode, retries, usage, stopReason }) => [
      isStreamed,
      ending,
      errorCode,
      retries,
      usage?.output_tokens,
      stopReason,
    ]),
    [
      [false, 'complete', undefined, 1, 4, 'end_turn'],
      [true, 'truncated', 'truncated', 0, 1, undefined],
      [true, 'aborted', 'unknown', 0, undefined, undefined],
      [false, 'failed', 'invalid_request_error', 0, undefined, undefined],
    ],
  );
});

test('a signal with a limit of its own that ends a whole answer aborts it, and is no limit of the client', async () => {
  const endings: string[] = [];
  const fetch = (_: string, { signal }: RequestInit): Promise<Response> =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason));
    });
  const client = new Millrace({ apiKey: 'k', fetch, onMetrics: ({ ending }) => endings.push(ending) });
  const controller = new AbortController();
  const created = client.messages.create(params, { signal: controller.signal });
  const reason = new DOMException('The operation timed out', 'TimeoutError');
  controller.abort(reason);
  await assert.rejects(created, reason);
  assert.deepEqual(endings, ['aborted']);
});

test('a call’s own onMetrics is called beside the client’s, and what either throws is reported', async () => {
  const logged: string[] = [];
  const logger = { warn: (message: string) => logged.push(message) };
  const body = begin + one + stop;
  const called: string[] = [];
  const client = new Millrace({
    apiKey: 'k',
    logger,
    fetch: async () => new Response(body),
    onMetrics: () => {
      called.push('client');
      throw new Error('mine');
    },
  });
  await client.messages.stream(params, { onMetrics: () => called.push('call') }).done();
  assert.deepEqual(called, ['call', 'client']);
  assert.deepEqual(logged, ['onMetrics failed']);
});
