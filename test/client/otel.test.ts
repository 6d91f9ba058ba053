// Spans and histograms, with a tracer and a meter in memory that implement the API's own interfaces.

import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { test } from 'node:test';
import { context, createNoopMeter, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type {
  Attributes,
  Context,
  ContextManager,
  Histogram,
  Meter,
  MetricOptions,
} from '@opentelemetry/api';
import { Millrace } from 'millrace/client';
import type { ClientOptions } from 'millrace/client';
import { createOpenTelemetry } from 'millrace/client/otel';
import type { OpenTelemetryOptions } from 'millrace/client/otel';
import { MemoryTracer } from '../support/memory-tracer.ts';
import { messageEnd, messageStart, sse, textEvents } from '../support/streams.ts';

interface Recorded {
  readonly name: string;
  readonly unit: string | undefined;
  readonly value: number;
  readonly attributes: Attributes | undefined;
}

function memoryMeter(): { meter: Meter; recorded: Recorded[] } {
  const recorded: Recorded[] = [];
  const meter = createNoopMeter();
  meter.createHistogram = (name: string, { unit, advice }: MetricOptions = {}): Histogram => {
    assert.ok((advice?.explicitBucketBoundaries?.length ?? 0) > 10);
    return { record: (value, attributes) => void recorded.push({ name, unit, value, attributes }) };
  };
  return { meter, recorded };
}

const secret = 'MY SECRET';
const params = {
  model: 'claude-sonnet-5',
  max_tokens: 100,
  temperature: 0.5,
  messages: [{ role: 'user' as const, content: secret }],
};
const whole = sse(messageStart, ...textEvents(0, 'A ', secret), ...messageEnd);

function telemetered(body: string, options: OpenTelemetryOptions & ClientOptions = {}) {
  const tracer = new MemoryTracer();
  const { meter, recorded } = memoryMeter();
  const { captureContent, ...own } = options;
  const client = new Millrace({
    apiKey: 'k',
    baseURL: 'https://gateway.example:8443/base',
    telemetry: createOpenTelemetry({ tracer, meter, captureContent }),
    fetch: async () => new Response(body),
    ...own,
  });
  return { client, tracer, recorded };
}

/** Contexts that follow promises, as those of the SDK for Node do. */
function storedContexts(): ContextManager {
  const storage = new AsyncLocalStorage<Context>();
  const manager: ContextManager = {
    active: () => storage.getStore() ?? ROOT_CONTEXT,
    with: ((own: Context, call: () => unknown) => storage.run(own, call)) as ContextManager['with'],
    bind: (_, target) => target,
    enable: () => manager,
    disable: () => manager,
  };
  return manager;
}

test('createOpenTelemetry() has its span active while a request is sent, also of a retry, and not outside', async (t) => {
  context.setGlobalContextManager(storedContexts());
  t.after(() => context.disable());
  const active: unknown[] = [];
  const client = new Millrace({
    apiKey: 'k',
    telemetry: createOpenTelemetry({ tracer: new MemoryTracer(), meter: createNoopMeter() }),
    random: () => 0,
    fetch: async () => {
      active.push(trace.getActiveSpan());
      return active.length % 2 === 1 ? new Response('', { status: 500 }) : new Response(whole);
    },
  });
  await client.messages.stream(params).done();
  await client.messages.create({ ...params, stream: true });
  const [first, again, second, secondAgain] = active;
  assert.notEqual(first, undefined);
  assert.equal(again, first);
  assert.notEqual(second, first);
  assert.notEqual(second, undefined);
  assert.equal(secondAgain, second);
  assert.equal(trace.getActiveSpan(), undefined);
});

test('createOpenTelemetry() makes one span of an answer, by the names of the conventions, without content', async () => {
  const { client, tracer } = telemetered(whole);
  await client.messages.stream(params).done();
  const [span, ...others] = tracer.spans;
  assert.deepEqual(others, []);
  const {
    'gen_ai.response.time_to_first_chunk': toFirst,
    'millrace.tokens_per_second': _,
    ...attributes
  } = span!.attributes;
  assert.ok(typeof toFirst === 'number' && toFirst >= 0);
  assert.deepEqual(
    [span?.name, span?.kind, span?.status, span?.isEnded],
    ['chat claude-sonnet-5', SpanKind.CLIENT, SpanStatusCode.UNSET, true],
  );
  assert.deepEqual(attributes, {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'anthropic',
    'gen_ai.request.model': 'claude-sonnet-5',
    'gen_ai.request.max_tokens': 100,
    'gen_ai.request.temperature': 0.5,
    'gen_ai.request.stream': true,
    'server.address': 'gateway.example',
    'server.port': 8443,
    'gen_ai.response.id': 'msg_1',
    'gen_ai.response.model': 'claude-sonnet-5',
    'gen_ai.response.finish_reasons': ['end_turn'],
    'gen_ai.usage.input_tokens': 9,
    'gen_ai.usage.output_tokens': 5,
    'millrace.ending': 'complete',
    'millrace.retries': 0,
    'millrace.recoveries': 0,
    'millrace.fallbacks': 0,
  });
  assert.ok(!JSON.stringify(tracer.spans).includes(secret));
});

test('createOpenTelemetry() records durations in seconds and tokens, each with model and server', async () => {
  const pieces = [whole.slice(0, whole.indexOf(secret) - 100), whole.slice(whole.indexOf(secret) - 100)];
  const body = new ReadableStream({
    pull: (controller) => {
      const piece = pieces.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(new TextEncoder().encode(piece));
    },
  });
  const { client, recorded } = telemetered(whole, { fetch: async () => new Response(body) });
  await client.messages.stream(params).done();
  const common = {
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'anthropic',
    'gen_ai.request.model': 'claude-sonnet-5',
    'gen_ai.response.model': 'claude-sonnet-5',
    'server.address': 'gateway.example',
    'server.port': 8443,
  };
  assert.deepEqual(
    recorded.map(({ name, unit }) => [name, unit]),
    [
      ['gen_ai.client.operation.duration', 's'],
      ['gen_ai.client.operation.time_to_first_chunk', 's'],
      ['gen_ai.client.operation.time_per_output_chunk', 's'],
      ['gen_ai.client.token.usage', '{token}'],
      ['gen_ai.client.token.usage', '{token}'],
    ],
  );
  assert.deepEqual(
    recorded.slice(0, 3).map(({ attributes }) => attributes),
    [common, common, common],
  );
  assert.deepEqual(
    recorded.slice(3).map(({ value, attributes }) => [value, attributes]),
    [
      [9, { ...common, 'gen_ai.token.type': 'input' }],
      [5, { ...common, 'gen_ai.token.type': 'output' }],
    ],
  );
});

test('createOpenTelemetry() counts cached tokens as input, and tells them apart on the span', async () => {
  const usage = {
    input_tokens: 1,
    cache_read_input_tokens: 20,
    cache_creation_input_tokens: 300,
    output_tokens: 2,
  };
  const message = { id: 'm', type: 'message', model: 'm', content: [], usage };
  const { client, tracer, recorded } = telemetered(JSON.stringify(message));
  await client.messages.create(params);
  const { attributes } = tracer.spans[0]!;
  assert.deepEqual(
    ['input', 'cache_read.input', 'cache_write.input'].map(
      (name) => attributes[`gen_ai.usage.${name}_tokens`],
    ),
    [321, 20, 300],
  );
  assert.equal(attributes['gen_ai.request.stream'], false);
  assert.deepEqual(recorded.map(({ name, value }) => [name.split('.').at(-1), value]).slice(1), [
    ['usage', 321],
    ['usage', 2],
  ]);
});

test('createOpenTelemetry() says what an answer failed with, and after which attempts', async () => {
  const { client, tracer, recorded } = telemetered('', {
    fetch: async () =>
      new Response('{"error":{"type":"overloaded_error","message":"MY SECRET"}}', { status: 529 }),
    retry: { maxRetries: 1 },
    random: () => 0,
  });
  await assert.rejects(client.messages.stream(params).done(), { code: 'overloaded_error' });
  const [span] = tracer.spans;
  assert.equal(span?.status, SpanStatusCode.ERROR);
  assert.equal(span?.attributes['error.type'], 'overloaded_error');
  assert.equal(span?.attributes['millrace.retries'], 1);
  assert.deepEqual(span?.events, ['exception', 'millrace.retry', 'exception']);
  assert.deepEqual(
    recorded.map(({ name, attributes }) => [name, attributes?.['error.type']]),
    [['gen_ai.client.operation.duration', 'overloaded_error']],
  );
  const stopped = client.messages.stream(params);
  stopped.abort();
  await assert.rejects(stopped.done());
  assert.equal(tracer.spans[1]?.status, SpanStatusCode.UNSET, 'who stops an answer has no error');
  assert.equal(tracer.spans[1]?.isEnded, true);
});

test('createOpenTelemetry() puts content on spans only when asked to', async () => {
  const { client, tracer } = telemetered(whole, { captureContent: true });
  await client.messages.stream({ ...params, system: 'Be brief' }).done();
  const { attributes } = tracer.spans[0]!;
  assert.equal(attributes['gen_ai.system_instructions'], '"Be brief"');
  assert.deepEqual(JSON.parse(String(attributes['gen_ai.input.messages'])), params.messages);
  assert.deepEqual(JSON.parse(String(attributes['gen_ai.output.messages'])), [
    { role: 'assistant', content: [{ type: 'text', text: `A ${secret}` }] },
  ]);
});

test('createOpenTelemetry() without an OpenTelemetry SDK does nothing, and breaks nothing', async () => {
  const fetch = async (): Promise<Response> => new Response(whole);
  const client = new Millrace({ apiKey: 'k', fetch, telemetry: createOpenTelemetry() });
  assert.equal(await client.messages.stream(params).finalText(), `A ${secret}`);
});
