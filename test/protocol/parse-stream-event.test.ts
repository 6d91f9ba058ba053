import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseStreamEvent } from 'millrace/protocol';

test('parseStreamEvent() tolerates padding before the last brace', () => {
  const data = '{"type":"content_block_stop","index":3             }';
  assert.deepEqual(parseStreamEvent({ event: 'content_block_stop', data }), {
    type: 'content_block_stop',
    index: 3,
  });
});

test('parseStreamEvent() passes unknown events, blocks, deltas and stop reasons through as data', () => {
  for (const event of [
    { type: 'message_paused', until: 'noon' },
    { type: 'content_block_start', index: 0, content_block: { type: 'hologram', shape: [1, 2] } },
    { type: 'content_block_delta', index: 0, delta: { type: 'hologram_delta', angle: 0.5 } },
    { type: 'message_delta', delta: { stop_reason: 'bored' }, usage: { output_tokens: 1, new_tokens: 2 } },
  ]) {
    assert.deepEqual(parseStreamEvent({ event: event.type, data: JSON.stringify(event) }), event);
  }
});

test('parseStreamEvent() takes the type from the frame when the data has none', () => {
  assert.deepEqual(parseStreamEvent({ event: 'ping', data: '{}' }), { type: 'ping' });
  assert.deepEqual(parseStreamEvent({ event: 'ping', data: '' }), { type: 'ping' });
  assert.deepEqual(parseStreamEvent({ event: 'new', data: '{"a":1}' }), { type: 'new', a: 1 });
});

test('parseStreamEvent() reads [DONE] as an event of its own', () => {
  assert.deepEqual(parseStreamEvent({ data: '[DONE]' }), { type: '[DONE]' });
  assert.deepEqual(parseStreamEvent({ event: 'data', data: ' [DONE] ' }), { type: '[DONE]' });
});

test('parseStreamEvent() reads an error in every shape gateways give it', () => {
  const overloaded = { type: 'overloaded_error', message: 'Overloaded' };
  const cases = [
    {
      sse: { event: 'error', data: JSON.stringify({ type: 'error', error: overloaded }) },
      error: overloaded,
    },
    { sse: { data: JSON.stringify({ error: overloaded }) }, error: overloaded },
    {
      sse: { event: 'error', data: 'upstream gone' },
      error: { type: 'api_error', message: 'upstream gone' },
    },
    { sse: { data: '{"error":"busy"}' }, error: { type: 'api_error', message: 'busy' } },
    { sse: { event: 'error', data: '{"code":7}' }, error: { type: 'api_error', message: '' } },
    {
      sse: { data: '{"type":"error","error":{"code":7}}' },
      error: { type: 'api_error', message: '{"code":7}', code: 7 },
    },
  ];
  for (const { sse, error } of cases) {
    const event = parseStreamEvent(sse) as { type: string; error: unknown };
    assert.equal(event.type, 'error', sse.data);
    assert.deepEqual(event.error, error, sse.data);
  }
});

test('parseStreamEvent() throws invalid_json with the beginning of the offending text', () => {
  const data = `{"type":"ping"${'x'.repeat(500)}`;
  assert.throws(
    () => parseStreamEvent({ event: 'ping', data }),
    (error: { code?: string; excerpt?: string; cause?: unknown }) => {
      assert.equal(error.code, 'invalid_json');
      assert.equal(error.excerpt, data.slice(0, 200));
      assert.ok(error.cause instanceof SyntaxError);
      return true;
    },
  );
});

test('parseStreamEvent() throws invalid_event for a known type of another shape, and says what is missing', () => {
  const cases: [data: string, fault: RegExp][] = [
    ['17', /is not a JSON object$/],
    ['[]', /is not a JSON object$/],
    ['null', /is not a JSON object$/],
    ['{"a":1}', /has no type$/],
    ['{"type":7}', /has no type$/],
    ['{"type":"message_start"}', /has no sound message$/],
    ['{"type":"message_start","message":{"content":"text"}}', /sound message$/],
    ['{"type":"message_start","message":{"content":[1]}}', /sound message$/],
    ['{"type":"message_start","message":{"usage":3}}', /sound message$/],
    ['{"type":"content_block_start","index":0}', /content_block$/],
    ['{"type":"content_block_start","content_block":{"type":"text"}}', /index$/],
    ['{"type":"content_block_delta","index":-1,"delta":{"type":"text_delta","text":""}}', /index$/],
    ['{"type":"content_block_delta","index":0.5,"delta":{"type":"text_delta","text":""}}', /index$/],
    ['{"type":"content_block_delta","index":0,"delta":{}}', /sound delta$/],
    ['{"type":"content_block_delta","index":0,"delta":{"type":"text_delta"}}', /sound delta$/],
    ['{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta"}}', /sound delta$/],
    ['{"type":"content_block_delta","index":0,"delta":{"type":"citations_delta"}}', /sound delta$/],
    ['{"type":"content_block_stop"}', /index$/],
    ['{"type":"message_delta"}', /has no sound delta$/],
    ['{"type":"message_delta","delta":{},"usage":1}', /usage$/],
  ];
  for (const [data, message] of cases) {
    assert.throws(
      () => parseStreamEvent({ data }),
      { name: 'ProtocolError', code: 'invalid_event', message },
      data,
    );
  }
});

test('parseStreamEvent() keeps __proto__ as data', () => {
  const event = parseStreamEvent({ data: '{"type":"x","__proto__":{"polluted":true}}' });
  assert.ok(Object.hasOwn(event, '__proto__'));
  assert.equal((event as { polluted?: boolean }).polluted, undefined);
});
