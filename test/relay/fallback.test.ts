// What the relay turns to when an answer keeps failing, and where that can be seen.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMeterTelemetry } from 'millrace/relay';
import type { LogLine } from 'millrace/relay';
import { startSimulator } from 'millrace/simulator';
import type { FaultPlan } from 'millrace/simulator';
import { PrometheusMeter } from '../../src/cli/metrics/prometheus-meter.ts';
import { askRelay } from '../support/ask-relay.ts';
import { startTestRelay } from '../support/relay.ts';
import type { TestRelayOptions } from '../support/relay.ts';

const prompt = 'echo one two three four five six seven eight';

interface Attempt {
  readonly number: number;
  readonly kind: string;
  readonly model: string;
  readonly streamed: boolean;
  readonly error: string | null;
}

interface Answered {
  readonly status: number;
  readonly text: string;
  readonly attempts: readonly Attempt[];
  readonly answer: string | undefined;
  readonly models: readonly unknown[];
  readonly breaks: readonly (readonly string[])[];
  readonly figures: string;
}

async function answer(
  faults: FaultPlan['faults'],
  {
    path = '/streams',
    headers = {},
    asked = prompt,
    ...options
  }: TestRelayOptions & { path?: string; headers?: Record<string, string>; asked?: string } = {},
): Promise<Answered> {
  await using simulator = await startSimulator({ speed: 0, faults: { faults } });
  const meter = new PrometheusMeter();
  const lines: LogLine[] = [];
  await using relay = await startTestRelay(simulator.url, {
    telemetry: [createMeterTelemetry(meter)],
    onLog: (line) => lines.push(line),
    ...options,
    calls: { retry: { maxRetries: 0 }, fallback: ['claude-haiku-4-5', 'non-streaming'], ...options.calls },
  });
  const body = { max_tokens: 500, messages: [{ role: 'user', content: asked }] };
  const response = await askRelay(relay, path, { headers, body });
  const text = await response.text();
  const id = response.headers.get('x-stream-id');
  const state = (id === null
    ? { attempts: [], message: null }
    : await (await fetch(`${relay.url}/streams/${id}`, { headers })).json()) as unknown as {
    attempts: Attempt[];
    message: { content: readonly { text: string }[] } | null;
  };
  return {
    status: response.status,
    text,
    attempts: state.attempts,
    answer: state.message?.content[0]?.text,
    models: simulator.requests.map(({ params }) => [params?.model, params?.stream === true]),
    breaks: lines.flatMap((line) => (line.type === 'break' ? [[line.code, line.action]] : [])),
    figures: await meter.text(),
  };
}

const overloaded = (times: number) => ({ kind: 'status', status: 529, times }) as const;
const whole = prompt.replace('echo ', '');

test('an answer that keeps failing is asked of the next model, and log, state and figures say so', async () => {
  const answered = await answer([overloaded(1)]);
  assert.equal(answered.answer, whole);
  assert.deepEqual(answered.models, [
    ['claude-sonnet-5', true],
    ['claude-haiku-4-5', true],
  ]);
  assert.deepEqual(
    answered.attempts.map(({ kind, model, streamed, error }) => [kind, model, streamed, error]),
    [
      ['first', 'claude-sonnet-5', true, 'overloaded_error'],
      ['fallback', 'claude-haiku-4-5', true, null],
    ],
  );
  assert.match(
    answered.text,
    /"type":"further_attempt","number":2,"kind":"fallback","model":"claude-haiku-4-5"/,
  );
  assert.deepEqual(answered.breaks, [['overloaded_error', 'fallback']]);
  assert.match(
    answered.figures,
    /millrace_attempts_total\{error_type="overloaded_error",millrace_attempt_kind="fallback"\} 1/,
  );
});

test('after the last model the answer is asked for in one piece, and readers get it as a stream', async () => {
  const answered = await answer([overloaded(2)]);
  assert.equal(answered.answer, whole);
  assert.deepEqual(answered.models.at(-1), ['claude-haiku-4-5', false]);
  assert.deepEqual(
    answered.attempts.map(({ kind, streamed }) => [kind, streamed]),
    [
      ['first', true],
      ['fallback', false],
    ],
  );
  assert.match(answered.text, /"kind":"fallback","model":"claude-haiku-4-5","isStreamed":false/);
  assert.match(answered.text, /event: message_stop\n/);
});

test('an answer that keeps breaking in its middle gets its rest in one piece', async () => {
  const cut = { kind: 'cut', atEvent: 6, times: 2 } as const;
  const asked = 'long 100';
  const answered = await answer([cut], { asked, calls: { recover: { maxRecoveries: 1 } } });
  assert.equal(answered.answer, (await answer([], { asked })).answer);
  assert.equal(answered.models.length, 3);
  assert.deepEqual(answered.models.at(-1), ['claude-sonnet-5', false]);
  assert.deepEqual(
    answered.attempts.map(({ kind, streamed }) => [kind, streamed]),
    [
      ['first', true],
      ['recovery', true],
      ['fallback', false],
    ],
  );
  assert.deepEqual(
    answered.breaks.map(([, action]) => action),
    ['recovery', 'fallback'],
  );
  assert.match(
    answered.figures,
    /millrace_attempts_total\{error_type="\w+",millrace_attempt_kind="fallback"\} 1/,
  );
});

test('/v1/messages is answered by the model that was asked for, unless its client says otherwise', async () => {
  const plain = await answer([overloaded(1)], { path: '/v1/messages' });
  assert.deepEqual([plain.status, plain.models], [529, [['claude-sonnet-5', true]]]);
  const headers = { 'x-millrace-fallback': 'on' };
  const turned = await answer([overloaded(1)], { path: '/v1/messages', headers });
  assert.deepEqual(turned.models, [
    ['claude-sonnet-5', true],
    ['claude-haiku-4-5', true],
  ]);
  assert.equal(turned.answer, whole);
  const wrong = await answer([], { path: '/v1/messages', headers: { 'x-millrace-fallback': 'maybe' } });
  assert.equal(wrong.status, 400);
});

test('a key with models of its own leads to no others', async () => {
  const secret = 'web-0123456789-abcdefghij-0123456789';
  const answered = await answer([overloaded(1)], {
    upstream: { apiKey: 'sk-ant-upstream-key' },
    access: {
      keys: [{ id: 'web', secret, models: ['claude-sonnet-5'] }],
      allow: { models: ['claude-sonnet-5'] },
    },
    headers: { authorization: `Bearer ${secret}` },
  });
  assert.deepEqual(answered.models, [
    ['claude-sonnet-5', true],
    ['claude-sonnet-5', false],
  ]);
  assert.equal(answered.answer, whole);
});

test('without fallbacks a failure is a failure', async () => {
  const answered = await answer([overloaded(1)], { calls: { fallback: [] } });
  assert.deepEqual([answered.status, answered.models.length], [529, 1]);
});
