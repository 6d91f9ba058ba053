// reliability, section 4, the row “Logs/telemetry”, and “API key in browser”: marked keys, prompts, answers and cookies go
// in everywhere, and none comes out where it must not: in no response, log line, error, span or figure.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNodeTransport } from 'millrace/client/node';
import { createFetchHandler, createMeterTelemetry } from 'millrace/relay';
import type { LogLine } from 'millrace/relay';
import { createRelayOpenTelemetry } from 'millrace/relay/otel';
import { MemoryStreamLog } from 'millrace/storage';
import { PrometheusMeter } from '../../../src/cli/metrics/prometheus-meter.ts';
import { createRelayLog } from '../../../src/cli/relay-log.ts';
import { MemoryTracer } from '../../support/memory-tracer.ts';
import { cleanEnd, startRawServer, streamResponse } from '../../support/raw-server.ts';
import type { RawAnswer } from '../../support/raw-server.ts';
import { messageEnd, messageStart, sse, textEvents } from '../../support/streams.ts';
import { ann, as, ask, bob, json, question, signIn, startKeyedRelay, upstreamKey } from './keyed-relay.ts';

const prompt = 'canary-prompt-0123456789';
const answer = 'canary-answer-0123456789';
const odd = 'canary-odd-0123456789';
const body = sse(messageStart, ...textEvents(0, answer), ...messageEnd);
const error = JSON.stringify({ type: 'error', error: { type: 'api_error', message: 'no' } });

/** An upstream that fails in every way, by turns. */
const failures: readonly RawAnswer[] = [
  { bytes: streamResponse(body) + cleanEnd, then: 'fin' },
  { bytes: streamResponse(body.slice(0, body.length / 2)), then: 'rst' },
  {
    bytes: `HTTP/1.1 500 Internal Server Error\r\ncontent-length: ${error.length}\r\n\r\n${error}`,
    then: 'fin',
  },
  { bytes: 'HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:9/\r\ncontent-length: 0\r\n\r\n', then: 'fin' },
  { bytes: 'HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 5\r\n\r\n<html', then: 'fin' },
  { bytes: '', then: 'rst' },
  { bytes: streamResponse('event: content_block_delta\ndata: {broken\n\n'), then: 'fin' },
];

test('Logs: no key, prompt, answer or cookie is in a response that is not its own, a log line, an error, a span or a figure', async () => {
  let turn = 0;
  await using upstream = await startRawServer(() => failures[turn % failures.length]!);
  const told: string[] = [];
  const operator = createRelayLog('debug', { write: (line: string) => void told.push(line) });
  const lines: LogLine[] = [];
  const tracer = new MemoryTracer();
  const figures = new PrometheusMeter();
  await using relay = await startKeyedRelay(
    upstream.url,
    { limits: { requestsPerMinute: 200, concurrent: Infinity, readers: Infinity } },
    {
      calls: { retry: { maxRetries: 0 }, recover: false },
      onLog: (line) => {
        lines.push(line);
        operator.onLog(line);
      },
      onError: operator.onError,
      telemetry: [createRelayOpenTelemetry({ tracer }), createMeterTelemetry(figures)],
    },
  );
  const cookie = await signIn(relay, bob);
  const [, session = ''] = cookie.split('=');
  const asked = { model: 'claude-sonnet-5', max_tokens: 9, ...question(prompt) };
  const routes: readonly [method: string, path: string, body?: object][] = [
    ['POST', '/v1/messages', { ...asked, stream: true }],
    ['POST', '/v1/messages', asked],
    ['POST', '/v1/messages', { ...asked, model: odd }],
    ['POST', '/v1/messages', { ...asked, model: odd, stream: true }],
    ['POST', '/v1/messages/count_tokens', asked],
    ['GET', '/v1/models'],
    ['POST', '/streams', question(prompt)],
    ['POST', '/streams', question(prompt, { [odd]: odd })],
    ['POST', '/chat/stream', { message: prompt }],
    ['POST', '/api/chat', { id: odd, messages: [{ role: 'user', parts: [{ type: 'text', text: prompt }] }] }],
    ['GET', `/api/chat/${odd}/stream`],
    ['POST', '/streams', question(prompt, { conversation: odd })],
    ['DELETE', `/conversations/${odd}`],
    ['PATCH', `/conversations/${odd}`, { title: odd }],
    ['POST', '/session', { key: odd }],
    ['GET', `/streams/${odd}`],
    ['GET', `/${odd}`],
    ['GET', '/relay.json'],
    ['GET', '/healthz'],
    ['DELETE', `/streams/${odd}`],
    ['PUT', '/streams', { [odd]: odd }],
  ];
  const secrets = [ann.secret, bob.secret, upstreamKey, session];
  for (turn = 0; turn < failures.length; turn += 1) {
    for (const [method, path, sent] of routes) {
      for (const who of [
        as(ann),
        { ...json, cookie, origin: relay.url },
        { 'x-api-key': odd, ...json },
        { ...json, cookie: `${cookie}${odd}` },
      ]) {
        const reply = await ask(`${relay.url}${path}?key=${odd}`, {
          method,
          headers: {
            ...who,
            accept: turn % 2 === 0 ? 'text/event-stream' : 'application/json',
            'user-agent': odd,
            'x-odd': odd,
            'idempotency-key': `${odd}${Math.random()}`,
          },
          body: sent === undefined ? '' : JSON.stringify(sent),
        });
        const text = `${JSON.stringify(reply.headers)}${reply.text}`;
        const found = [...secrets, prompt, upstream.url.slice(7)].find((secret) => text.includes(secret));
        assert.equal(found, undefined, `${method} ${path}: ${text}`);
      }
    }
  }
  const logged = `${JSON.stringify(lines)}${told.join('')}`;
  assert.ok(lines.length > 300 && told.some((line) => line.includes('error')), 'there was something to tell');
  const spans = JSON.stringify(tracer.spans);
  assert.ok(
    tracer.spans.length > 100 && spans.includes('"connection_failed"'),
    'there was something to trace',
  );
  const page = await figures.text();
  assert.match(page, /connection_failed/);
  for (const secret of [...secrets, prompt, answer, odd, 'canary'])
    for (const text of [logged, spans, page]) assert.ok(!text.includes(secret), secret);
});

test('Logs: a store and an upstream that fail with secrets in their errors tell them to nobody', async () => {
  const leaking = (): never => {
    throw new Error(`Cannot reach https://user:${upstreamKey}@upstream/?key=${odd} with ${prompt}`);
  };
  const told: string[] = [];
  const operator = createRelayLog('debug', { write: (line: string) => void told.push(line) });
  class LeakingLog extends MemoryStreamLog {
    override state = leaking;
  }
  await using relay = await startKeyedRelay(
    'http://127.0.0.1:9',
    {},
    {
      log: new LeakingLog(),
      upstream: {
        transport: async (call) => (call.url.endsWith('/models') ? leaking() : createNodeTransport()(call)),
      },
      onError: operator.onError,
    },
  );
  const handle = createFetchHandler(relay.relay);
  for (const path of ['/v1/models', '/streams/x']) {
    const response = await handle(new Request(relay.url + path, { headers: as(ann) }));
    assert.equal(response.status, 500);
    const text = await response.text();
    assert.match(text, /"message":"Internal server error"/);
    for (const secret of [upstreamKey, odd, prompt, 'upstream']) assert.ok(!text.includes(secret), text);
  }
});
