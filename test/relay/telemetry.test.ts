// What the relay says of itself, held against what was sent.

import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { SpanStatusCode } from '@opentelemetry/api';
import { createMeterTelemetry, publishedPrices } from 'millrace/relay';
import type { ReaderOutcome, RelayTelemetry, StreamSummary } from 'millrace/relay';
import { createRelayOpenTelemetry } from 'millrace/relay/otel';
import { startSimulator } from 'millrace/simulator';
import { MemoryStreamLog } from 'millrace/storage';
import type { LogEntry } from 'millrace/storage';
import { SqliteStreamLog } from 'millrace/storage/sqlite';
import { PrometheusMeter } from '../../src/cli/metrics/prometheus-meter.ts';
import { makeFolder } from '../support/folder.ts';
import { MemoryTracer } from '../support/memory-tracer.ts';
import { startTestRelay } from '../support/relay.ts';
import type { TestRelay } from '../support/relay.ts';
import { logWith, storeIsGone } from '../support/stream-log.ts';
import { turnsUntil } from '../support/turns.ts';

/** Every line of a page of figures: the name with its labels, and the value. */
function figuresIn(page: string): Map<string, number> {
  const lines = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

/** The sum of a figure over the labels that are left open. */
function sumOf(figures: Map<string, number>, name: string, ...labels: readonly string[]): number {
  const found = [...figures].filter(
    ([line]) =>
      (line === name || line.startsWith(`${name}{`)) && labels.every((label) => line.includes(label)),
  );
  return found.reduce((sum, [, value]) => sum + value, 0);
}

interface Asked {
  readonly id: string;
  readonly text: string;
}

async function ask(
  relay: TestRelay,
  prompt: string,
  { fault, more = {} }: { fault?: object; more?: object } = {},
): Promise<Asked> {
  const response = await fetch(`${relay.url}/streams`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      ...(fault === undefined ? {} : { 'x-simulator-fault': JSON.stringify(fault) }),
    },
    body: JSON.stringify({ max_tokens: 2000, messages: [{ role: 'user', content: prompt }], ...more }),
  });
  return { id: response.headers.get('x-stream-id') ?? '', text: await response.text() };
}

async function usageOf(
  relay: TestRelay,
  id: string,
): Promise<{ input_tokens: number; output_tokens: number }> {
  const state = (await (await fetch(`${relay.url}/streams/${id}`)).json()) as {
    usage: { input_tokens: number; output_tokens: number };
  };
  return state.usage;
}

test('the figures are what was sent: endings, attempts, tokens, first content, readers, requests, what is held', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const meter = new PrometheusMeter();
  await using relay = await startTestRelay(simulator.url, {
    upstream: { isSimulator: true },
    telemetry: [createMeterTelemetry(meter)],
    calls: { retry: { maxDelayMs: 0 } },
  });
  const whole: Asked[] = [];
  for (let times = 0; times < 5; times += 1) whole.push(await ask(relay, 'echo one two three four five six'));
  const cut = { kind: 'cut', atEvent: 6 };
  for (let times = 0; times < 3; times += 1) whole.push(await ask(relay, 'long 60', { fault: cut }));
  const overloaded = { kind: 'status', status: 529 };
  for (let times = 0; times < 2; times += 1)
    whole.push(await ask(relay, 'echo again', { fault: overloaded }));
  const thinking = { thinking: { type: 'adaptive' } };
  whole.push(await ask(relay, 'think about it', { fault: { kind: 'cut', atEvent: 5 }, more: thinking }));
  const refused: Asked[] = [];
  for (let times = 0; times < 4; times += 1)
    refused.push(await ask(relay, 'echo no', { fault: { kind: 'status', status: 400 } }));

  assert.equal(simulator.requests.length, 5 + 2 * 3 + 2 * 2 + 2 + 4);
  const stalled = { kind: 'stall', atEvent: 6 };
  const stopped = ask(relay, 'long 60', { fault: stalled });
  await turnsUntil(() => simulator.requests.length === 5 + 2 * 3 + 2 * 2 + 2 + 4 + 1);
  const before = figuresIn(await meter.text());
  assert.equal(before.get('millrace_streams_open'), 1);
  const list = await relay.log.abandoned();
  assert.deepEqual(list, []);
  const leaving = new AbortController();
  const reading = fetch(`${relay.url}/v1/messages`, {
    method: 'POST',
    headers: { 'anthropic-version': '2023-06-01', 'x-simulator-fault': JSON.stringify(stalled) },
    body: JSON.stringify({
      model: 'claude-sonnet-5',
      max_tokens: 50,
      stream: true,
      messages: [{ role: 'user', content: 'long 60' }],
    }),
    signal: leaving.signal,
  });
  const { body } = await reading;
  await body?.getReader().read();
  leaving.abort();
  // Every stream but the one that stalls has its end by now.
  for (;;) {
    const figures = figuresIn(await meter.text());
    if (figures.get('millrace_streams_open') === 1 && figures.get('millrace_readers_open') === 1) break;
    await new Promise(setImmediate);
  }
  await relay.relay.close();
  const last = await stopped;
  assert.match(last.text, /"code":"stopped"/);

  const figures = figuresIn(await meter.text());
  const ended = (...labels: readonly string[]): number =>
    sumOf(figures, 'millrace_streams_ended_total', ...labels);
  assert.equal(ended('millrace_ending="complete"'), whole.length);
  assert.equal(ended('millrace_ending="failed"', 'error_type="invalid_request_error"'), refused.length);
  assert.equal(ended('millrace_ending="stopped"'), 2);
  assert.equal(ended(), whole.length + refused.length + 2);

  const attempts = (kind: string): number =>
    sumOf(figures, 'millrace_attempts_total', `millrace_attempt_kind="${kind}"`);
  assert.deepEqual(['first', 'retry', 'recovery', 'fallback'].map(attempts), [
    whole.length + refused.length + 2,
    2,
    4,
    0,
  ]);
  assert.equal(sumOf(figures, 'millrace_attempts_total'), simulator.requests.length);
  assert.equal(figures.get('millrace_rewinds_total'), 1);
  assert.equal(figures.get('millrace_takeovers_total'), 0);

  let input = 0;
  let output = 0;
  for (const { id } of [...whole, last]) {
    const usage = await usageOf(relay, id);
    input += usage.input_tokens;
    output += usage.output_tokens;
  }
  const left = sumOf(figures, 'millrace_tokens_total', 'kind="input"') - input;
  assert.ok(left > 0 && left < 50, 'and those of the reader who left');
  const tokens = (type: string): number =>
    sumOf(figures, 'gen_ai_client_token_usage_sum', `gen_ai_token_type="${type}"`);
  assert.equal(tokens('input'), input + left);
  assert.equal(tokens('output'), sumOf(figures, 'millrace_tokens_total', 'kind="output"'));
  assert.ok(tokens('output') >= output && tokens('output') < output + 50);

  const { input: inputPrice, output: outputPrice } = publishedPrices.models['claude-sonnet-5']!;
  const cost = (tokens('input') * inputPrice + tokens('output') * outputPrice) / 1e6;
  assert.ok(Math.abs(sumOf(figures, 'millrace_cost_total') - cost) < 1e-9, 'at the published prices');

  const answered = whole.length + 2;
  assert.equal(sumOf(figures, 'gen_ai_client_operation_time_to_first_chunk_seconds_count'), answered);
  assert.equal(
    sumOf(
      figures,
      'gen_ai_client_operation_duration_seconds_count',
      'gen_ai_response_model="claude-sonnet-5"',
    ),
    answered,
  );
  assert.equal(
    sumOf(figures, 'gen_ai_client_operation_duration_seconds_count', 'error_type="invalid_request_error"'),
    refused.length,
  );
  assert.equal(sumOf(figures, 'millrace_readers_ended_total', 'millrace_outcome="left"'), 1);
  assert.equal(sumOf(figures, 'millrace_readers_ended_total', 'millrace_outcome="ended"'), whole.length + 1);
  assert.equal(sumOf(figures, 'millrace_integrity_violations_total'), 0);
  assert.equal(
    [...figures.keys()].filter((line) => line.startsWith('millrace_integrity_violations_total{')).length,
    4,
    'they are there before they are needed',
  );
  const held = await relay.log.held();
  assert.deepEqual(
    [
      'millrace_streams_open',
      'millrace_readers_open',
      'millrace_queue_length',
      'millrace_log_streams',
      'millrace_log_size_bytes',
    ].map((name) => figures.get(name)),
    [0, 0, 0, ended(), held.bytes],
  );
  assert.equal(
    sumOf(figures, 'http_server_request_duration_seconds_count', 'http_route="/streams"', 'code="200"'),
    whole.length + 1,
  );
  assert.equal(
    sumOf(figures, 'http_server_request_duration_seconds_count', 'http_route="/streams"', 'code="400"'),
    refused.length,
  );
});

test('an answer in one piece counts as a stream does: its ending, tokens, cost, attempt', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const meter = new PrometheusMeter();
  await using relay = await startTestRelay(simulator.url, {
    upstream: { isSimulator: true },
    telemetry: [createMeterTelemetry(meter)],
  });
  const send = (content: string, { signal, fault }: { signal?: AbortSignal; fault?: object } = {}) =>
    fetch(`${relay.url}/v1/messages`, {
      method: 'POST',
      headers: {
        'anthropic-version': '2023-06-01',
        ...(fault && { 'x-simulator-fault': JSON.stringify(fault) }),
      },
      body: JSON.stringify({
        model: 'claude-sonnet-5',
        max_tokens: 50,
        messages: [{ role: 'user', content }],
      }),
      signal: signal ?? null,
    });
  const sums = { input: 0, output: 0 };
  for (const content of ['echo one two three', 'long 30']) {
    const { usage } = (await (await send(content)).json()) as { usage: Record<string, number> };
    sums.input += usage['input_tokens'] ?? 0;
    sums.output += usage['output_tokens'] ?? 0;
  }
  for (const status of [400, 529])
    assert.equal((await send('echo no', { fault: { kind: 'status', status } })).status, status);
  const leaving = new AbortController();
  const left = send('echo x', { signal: leaving.signal, fault: { kind: 'slow_headers', ms: 60_000 } });
  await turnsUntil(() => simulator.requests.length === 5);
  leaving.abort();
  await assert.rejects(left, { name: 'AbortError' });
  // Counting the tokens of a prompt is no answer.
  await fetch(`${relay.url}/v1/messages/count_tokens`, {
    method: 'POST',
    body: JSON.stringify({ model: 'claude-sonnet-5', messages: [{ role: 'user', content: 'x' }] }),
  });
  let figures = figuresIn('');
  const ended = (...labels: readonly string[]): number =>
    sumOf(figures, 'millrace_streams_ended_total', ...labels);
  while (ended() < 5) {
    await new Promise(setImmediate);
    figures = figuresIn(await meter.text());
  }
  assert.deepEqual(
    [
      ended('millrace_ending="complete"'),
      ended('millrace_ending="failed"', 'error_type="invalid_request_error"'),
      ended('millrace_ending="failed"', 'error_type="overloaded_error"'),
      ended('millrace_ending="stopped"'),
      ended(),
    ],
    [2, 1, 1, 1, 5],
  );
  assert.equal(sumOf(figures, 'millrace_attempts_total', 'kind="first"'), 5);
  const tokens = (kind: string): number => sumOf(figures, 'millrace_tokens_total', `kind="${kind}"`);
  assert.deepEqual({ input: tokens('input'), output: tokens('output') }, sums);
  const { input: inputPrice, output: outputPrice } = publishedPrices.models['claude-sonnet-5']!;
  const cost = (sums.input * inputPrice + sums.output * outputPrice) / 1e6;
  assert.ok(Math.abs(sumOf(figures, 'millrace_cost_total') - cost) < 1e-9);
  assert.equal(
    sumOf(
      figures,
      'gen_ai_client_operation_duration_seconds_count',
      'gen_ai_response_model="claude-sonnet-5"',
    ),
    2,
  );
  assert.equal(sumOf(figures, 'millrace_integrity_violations_total'), 0);
});

/** Telemetry that keeps what it is told. */
function keep(): RelayTelemetry & { summaries: StreamSummary[]; outcomes: ReaderOutcome[] } {
  const summaries: StreamSummary[] = [];
  const outcomes: ReaderOutcome[] = [];
  return {
    summaries,
    outcomes,
    begin: () => ({ end: (summary) => void summaries.push(summary) }),
    readerEnded: (outcome) => void outcomes.push(outcome),
  };
}

/** Asks, and reads the answer again when it is whole, by a log whose reads leave out some entries from then on. */
async function readWithout(
  isLeftOut: (entry: LogEntry) => boolean,
  telemetry: readonly RelayTelemetry[],
): Promise<{ text: string; errors: readonly unknown[] }> {
  await using simulator = await startSimulator({ speed: 0 });
  let isWhole = false;
  const memory = new MemoryStreamLog();
  const log = logWith(memory, {
    read: async (...given) => {
      const result = await memory.read(...given);
      if (!isWhole || result.type !== 'entries') return result;
      return { ...result, entries: result.entries.filter((entry) => !isLeftOut(entry)) };
    },
  });
  await using relay = await startTestRelay(simulator.url, { log, telemetry });
  const { id } = await ask(relay, 'echo one two three');
  isWhole = true;
  const headers = { accept: 'text/event-stream' };
  const text = await (await fetch(`${relay.url}/streams/${id}`, { headers })).text();
  await turnsUntil(() => relay.errors.length > 0);
  return { text, errors: relay.errors };
}

test('an entry that is missing is an error for who reads, and a violation in the figures', async () => {
  const meter = new PrometheusMeter();
  const kept = keep();
  const { text, errors } = await readWithout(
    ({ id }) => id.sequence === 4,
    [createMeterTelemetry(meter), kept],
  );
  assert.match(text, /event: error\n.*"code":"storage_failed".*\n\n$/);
  assert.match(String(errors[0]), /Cannot read the stream \S+: gap at \d+-3, \d+-5/);
  assert.deepEqual(kept.outcomes, ['ended', 'gap']);
  const figures = figuresIn(await meter.text());
  assert.equal(sumOf(figures, 'millrace_integrity_violations_total', 'violation="reader_gap"'), 1);
  assert.equal(sumOf(figures, 'millrace_integrity_violations_total'), 1);
});

test('a log that has ended without an end is an error for who reads, and a violation', async () => {
  const kept = keep();
  const { text } = await readWithout(({ record }) => record.type === 'end', [kept]);
  assert.match(text, /event: error\n.*"code":"storage_failed".*\n\n$/);
  assert.deepEqual(kept.outcomes, ['ended', 'without_end']);
});

test('a log that is damaged in its file is an error for who reads, and a violation', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  using folder = makeFolder();
  const file = folder.write('relay.db', '');
  const { id } = await (async () => {
    await using relay = await startTestRelay(simulator.url, { log: SqliteStreamLog.open(file) });
    return await ask(relay, 'echo one two three');
  })();
  const database = new DatabaseSync(file);
  database.exec('DELETE FROM chunk');
  database.close();
  const meter = new PrometheusMeter();
  const telemetry = [createMeterTelemetry(meter)];
  await using relay = await startTestRelay(simulator.url, { log: SqliteStreamLog.open(file), telemetry });
  const headers = { accept: 'text/event-stream' };
  const text = await (await fetch(`${relay.url}/streams/${id}`, { headers })).text();
  assert.match(text, /event: error\n.*"code":"storage_failed".*\n\n$/);
  const figures = figuresIn(await meter.text());
  assert.equal(sumOf(figures, 'millrace_integrity_violations_total', 'violation="reader_damaged"'), 1);
});

test('a stream whose end the store does not take is unfinished, and a violation', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const memory = new MemoryStreamLog();
  let appends = 0;
  const log = logWith(memory, {
    append: (...given) => (appends++ < 2 ? memory.append(...given) : storeIsGone()),
  });
  const kept = keep();
  await using relay = await startTestRelay(simulator.url, { log, telemetry: [kept] });
  await ask(relay, 'long 60');
  await turnsUntil(() => kept.summaries.length > 0);
  assert.deepEqual(
    kept.summaries.map(({ ending, isWithoutEnd }) => [ending, isWithoutEnd]),
    [['unfinished', true]],
  );
  assert.deepEqual(kept.outcomes, ['storage_failed']);
});

test('telemetry that throws is reported, and changes nothing', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const fail = (): never => {
    throw new Error('the collector is broken');
  };
  const broken: RelayTelemetry = {
    watch: fail,
    begin: () => ({ answered: fail, firstContent: fail, moreContent: fail, end: fail }),
    readerEnded: fail,
    request: fail,
  };
  const kept = keep();
  await using relay = await startTestRelay(simulator.url, {
    telemetry: [broken, { ...broken, begin: fail }, kept],
  });
  const { text } = await ask(relay, 'echo one');
  assert.match(text, /event: message_stop/);
  assert.deepEqual(
    kept.summaries.map(({ ending, stopReason }) => [ending, stopReason]),
    [['complete', 'end_turn']],
  );
  assert.ok(relay.errors.length >= 5);
  assert.ok(relay.errors.every((error) => String(error).includes('the collector is broken')));
});

test('a stream is a span with one for each request, and nothing of what was said is in them', async () => {
  await using simulator = await startSimulator({ speed: 0 });
  const tracer = new MemoryTracer();
  await using relay = await startTestRelay(simulator.url, {
    upstream: { isSimulator: true },
    telemetry: [createRelayOpenTelemetry({ tracer })],
  });
  await ask(relay, 'echo canary canary canary canary canary canary', { fault: { kind: 'cut', atEvent: 6 } });
  await turnsUntil(() => tracer.spans.length === 3 && tracer.spans.every(({ isEnded }) => isEnded));
  assert.deepEqual(
    tracer.spans.map(({ name, parent, status, attributes }) => [
      name,
      parent,
      status,
      attributes['millrace.attempt.kind'] ?? attributes['millrace.ending'],
    ]),
    [
      ['millrace stream', undefined, SpanStatusCode.UNSET, 'complete'],
      ['chat', 'millrace stream', SpanStatusCode.ERROR, 'first'],
      ['chat', 'millrace stream', SpanStatusCode.UNSET, 'recovery'],
    ],
  );
  const [stream] = tracer.spans;
  assert.equal(stream?.attributes['gen_ai.response.model'], 'claude-sonnet-5');
  assert.ok(Number(stream.attributes['gen_ai.usage.output_tokens']) > 0);
  assert.doesNotMatch(JSON.stringify(tracer.spans), /canary/);
});

test('each request to upstream counts and has its span, refused or not; what never asked has none', async () => {
  const overloaded = { kind: 'status', status: 529, times: 4 } as const;
  await using simulator = await startSimulator({ speed: 0, faults: { faults: [overloaded] } });
  const tracer = new MemoryTracer();
  const meter = new PrometheusMeter();
  await using relay = await startTestRelay(simulator.url, {
    telemetry: [createMeterTelemetry(meter), createRelayOpenTelemetry({ tracer })],
    access: { limits: { concurrent: 1 } },
    calls: { retry: { maxDelayMs: 0, maxRetries: 1 }, fallback: ['claude-haiku-4-5', 'non-streaming'] },
    upstream: { isSimulator: true },
  });
  assert.match((await ask(relay, 'echo one')).text, /message_stop/);
  const stalled = ask(relay, 'long 60', { fault: { kind: 'stall', atEvent: 6 } });
  await turnsUntil(() => simulator.requests.length === 6);
  const waiting = new AbortController();
  const queued = fetch(`${relay.url}/v1/messages`, {
    method: 'POST',
    body: JSON.stringify({ max_tokens: 9, stream: true, messages: [{ role: 'user', content: 'x' }] }),
    signal: waiting.signal,
  });
  while (figuresIn(await meter.text()).get('millrace_queue_length') !== 1) await new Promise(setImmediate);
  waiting.abort();
  await assert.rejects(queued, { name: 'AbortError' });
  while (figuresIn(await meter.text()).get('millrace_queue_length') !== 0) await new Promise(setImmediate);
  await relay.relay.close();
  await stalled;

  const figures = figuresIn(await meter.text());
  const kinds = ['first', 'retry', 'fallback', 'recovery'];
  assert.deepEqual(
    kinds.map((kind) => sumOf(figures, 'millrace_attempts_total', `kind="${kind}"`)),
    [2, 2, 2, 0],
  );
  assert.equal(simulator.requests.length, 6);
  const spans = tracer.spans.filter(({ name }) => name === 'chat');
  assert.deepEqual(
    spans.map(({ status, attributes }) => [status, attributes['millrace.attempt.kind']]),
    [
      ...['first', 'retry', 'fallback', 'retry'].map((kind) => [SpanStatusCode.ERROR, kind]),
      [SpanStatusCode.UNSET, 'fallback'],
      [SpanStatusCode.UNSET, 'first'],
    ],
  );
  assert.ok(tracer.spans.every(({ isEnded }) => isEnded));
  assert.equal(tracer.spans.length, spans.length + 3);
});

test('GET /metrics is there where figures are kept, and for the operator alone', async () => {
  await using without = await startTestRelay('http://127.0.0.1:9');
  assert.equal((await fetch(`${without.url}/metrics`)).status, 404);
  const metricsPage = async () => ({ contentType: 'text/plain; version=0.0.4', text: 'a 1\n' });
  await using relay = await startTestRelay('http://127.0.0.1:9', { metricsPage });
  const response = await fetch(`${relay.url}/metrics`);
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4');
  assert.equal(await response.text(), 'a 1\n');
  const other = await fetch(`${relay.url}/metrics`, { headers: { origin: 'http://elsewhere.example' } });
  assert.equal(other.status, 403);
});
