import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PrometheusMeter } from '../../src/cli/metrics/prometheus-meter.ts';
import { startProgram } from '../support/program.ts';

test('PrometheusMeter writes names, units, labels, buckets and sums as Prometheus reads them', async () => {
  const meter = new PrometheusMeter();
  const counter = meter.createCounter('millrace.a-b', { unit: '{thing}', description: 'Things\nby \\ kind' });
  const histogram = meter.createHistogram('gen_ai.wait', {
    unit: 's',
    description: 'Waiting',
    advice: { explicitBucketBoundaries: [0.1, 1] },
  });
  const gauge = meter.createObservableGauge('log.size', { unit: 'By', description: 'Bytes' });
  gauge.addCallback(async (result) => result.observe(7, { of: 'x' }));
  gauge.addCallback(() => Promise.reject(new Error('cannot look')));
  counter.add(2, { 'b.c': 'say "\n\\"', a: 1 });
  counter.add(1, { a: 1, 'b.c': 'say "\n\\"' });
  counter.add(0);
  for (const seconds of [0.05, 0.1, 0.5, 2]) histogram.record(seconds);
  assert.equal(
    await meter.text(),
    [
      '# HELP millrace_a_b_total Things\\nby \\\\ kind',
      '# TYPE millrace_a_b_total counter',
      'millrace_a_b_total{a="1",b_c="say \\"\\n\\\\\\""} 3',
      'millrace_a_b_total 0',
      '# HELP gen_ai_wait_seconds Waiting',
      '# TYPE gen_ai_wait_seconds histogram',
      'gen_ai_wait_seconds_bucket{le="0.1"} 2',
      'gen_ai_wait_seconds_bucket{le="1"} 3',
      'gen_ai_wait_seconds_bucket{le="+Inf"} 4',
      'gen_ai_wait_seconds_sum 2.65',
      'gen_ai_wait_seconds_count 4',
      '# HELP log_size_bytes Bytes',
      '# TYPE log_size_bytes gauge',
      'log_size_bytes{of="x"} 7',
      '',
    ].join('\n'),
  );
});

test('PrometheusMeter counts together what has more labels than it keeps', async () => {
  const meter = new PrometheusMeter();
  const counter = meter.createCounter('a', { unit: '{thing}', description: 'Things' });
  for (let index = 0; index < 3000; index += 1) counter.add(1, { model: `model-${index}` });
  const lines = (await meter.text()).split('\n').filter((line) => line.startsWith('a_total'));
  assert.equal(lines.length, 2001);
  assert.equal(lines.at(-1), 'a_total{otel_metric_overflow="true"} 1000');
});

test('millrace serve has figures of streams, store, event loop and memory at /metrics', async () => {
  await using program = await startProgram(['serve', '--port', '0', '--store', 'memory']);
  const body = JSON.stringify({ message: 'echo hi' });
  const headers = { 'content-type': 'application/json' };
  await (await fetch(`${program.url}/chat/stream`, { method: 'POST', headers, body })).text();
  const response = await fetch(`${program.url}/metrics`);
  assert.equal(response.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8');
  const page = await response.text();
  for (const line of [
    /^millrace_streams_ended_total\{millrace_ending="complete"\} 1$/m,
    /^gen_ai_client_token_usage_sum\{.*gen_ai_token_type="output"\} [1-9]/m,
    /^gen_ai_client_operation_time_to_first_chunk_seconds_count\{.*\} 1$/m,
    /^millrace_log_streams 1$/m,
    /^nodejs_eventloop_delay_p99_seconds [0-9.e-]+$/m,
    /^process_memory_usage_bytes [1-9][0-9]{6,}$/m,
    /^http_server_request_duration_seconds_count\{.*http_route="\/chat\/stream"\} 1$/m,
  ])
    assert.match(page, line);
  assert.doesNotMatch(page, /NaN|undefined/);
});
