import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  encodeSse,
  parseStreamEvent,
  ProtocolError,
  SseDecoder,
  StreamEventDecoder,
} from 'millrace/protocol';
import type { SseDecoderOptions, TextDelta } from 'millrace/protocol';
import { cutBody, cuts, sseBody, streamedMessage } from './arbitraries.ts';

type Chunks = readonly (Uint8Array | string)[];

/** What the fused decoder returned, and the code and text of what it threw. */
function fused(chunks: Chunks, options?: SseDecoderOptions): unknown[] {
  const decoder = new StreamEventDecoder(options);
  return collect((seen) => {
    for (const chunk of chunks) seen.push(...decoder.push(chunk));
    seen.push(...decoder.end());
  });
}

/** The same by the two layers it stands for. */
function layered(chunks: Chunks, options?: SseDecoderOptions): unknown[] {
  const decoder = new SseDecoder(options);
  return collect((seen) => {
    for (const chunk of chunks) for (const sse of decoder.push(chunk)) seen.push(parseStreamEvent(sse));
    for (const sse of decoder.end()) seen.push(parseStreamEvent(sse));
  });
}

function collect(run: (seen: unknown[]) => void): unknown[] {
  const seen: unknown[] = [];
  try {
    run(seen);
  } catch (error) {
    assert.ok(error instanceof ProtocolError, String(error));
    seen.push(`${error.code}: ${error.message}`);
  }
  return seen;
}

const delta = (text: string) =>
  encodeSse({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } });

test('StreamEventDecoder reads deltas with escapes, padding and every index', () => {
  const body = [
    delta('Hi'),
    delta('a "quoted" \\ line\nand 水車 🌊'),
    delta('padded').replace('}\n\n', '      }\n\n'),
    delta('').replace('"index":0', '"index":12'),
    delta('again').replace('"index":0', '"index":12'),
  ].join('');
  const events = new StreamEventDecoder().push(body);
  assert.deepEqual(
    events.map(
      (event) => event.type === 'content_block_delta' && [event.index, (event.delta as TextDelta).text],
    ),
    [
      [0, 'Hi'],
      [0, 'a "quoted" \\ line\nand 水車 🌊'],
      [0, 'padded'],
      [12, ''],
      [12, 'again'],
    ],
  );
});

test('StreamEventDecoder agrees with SseDecoder and parseStreamEvent on frames that only look usual', () => {
  const usual = delta('x');
  const lookalikes = [
    usual.replace('"x"', '"x'),
    usual.replace('"x"', '"a\tb"'),
    usual.replace('"x"', '"\\q"'),
    usual.replace('"x"', '"\\ud83d"'),
    usual.replace('"x"', '"\\u00e9\\n"'),
    usual.replace('"x"', '17'),
    usual.replace('}}', '},"more":1}'),
    usual.replace('}}', ',"more":1}}'),
    usual.replace('}}', '} '),
    usual.replace('}}', '}}}'),
    usual.replace('}}', '}}\u00A0'),
    usual.replace('}}\n\n', '}}\nid: 4\n\n'),
    usual.replace('}}\n\n', '}}\ndata: 2\n\n'),
    usual.replaceAll('\n', '\r\n'),
    usual.replaceAll('\n', '\r'),
    usual.replace('event: content_block_delta\n', ''),
    usual.replace('event: content_block_delta', 'event: other'),
    usual.replace('"index":0', '"index":00'),
    usual.replace('"index":0', '"index":-1'),
    usual.replace('"index":0', '"index":1e0'),
    `id: 9-4\n${usual}`,
    `: comment\n${usual}`,
    `data: first\n${usual}`,
    `\uFEFF${usual}`,
    usual.slice(0, -1),
    usual.slice(0, -2),
    usual.slice(0, -3),
    usual.slice(0, -9),
  ];
  for (const odd of lookalikes) {
    for (const body of [odd, usual + odd, odd + usual, usual + odd + usual]) {
      assert.deepEqual(fused([body]), layered([body]), JSON.stringify(body));
    }
  }
});

test('StreamEventDecoder agrees with SseDecoder and parseStreamEvent wherever a stream is cut', () => {
  fc.assert(
    fc.property(streamedMessage, cuts, fc.nat({ max: 15 }), ({ events }, places, padding) => {
      const body = events
        .map((event) => encodeSse(event).replace(/\}\n\n$/, `${' '.repeat(padding)}}\n\n`))
        .join('');
      const bytes = new TextEncoder().encode(body);
      assert.deepEqual(fused([bytes]), events);
      assert.deepEqual(fused(cutBody(bytes, places)), events);
      assert.deepEqual(fused(cutBody(body, places)), events);
      assert.deepEqual(layered(cutBody(bytes, places)), events);
    }),
  );
});

test('StreamEventDecoder gives the same events at every single cut of a stream', () => {
  const body = [
    'event: message_start\r\ndata: {"type":"message_start","message":{"content":[],"usage":{}}}\r\n\r\n',
    'event: ping\ndata: {"type": "ping"}\n\n',
    delta('für 水車 🌊'),
    delta('und "weiter"').replace('}\n\n', '    }\n\n'),
    'data: {"type":"message_stop"}\n\ndata: [DONE]\n\n',
  ].join('');
  const bytes = new TextEncoder().encode(body);
  const whole = layered([bytes]);
  assert.equal(whole.length, 6);
  for (let cut = 0; cut <= bytes.length; cut += 1) {
    assert.deepEqual(fused([bytes.slice(0, cut), bytes.slice(cut)]), whole, `cut at ${cut}`);
  }
});

test('StreamEventDecoder agrees with SseDecoder and parseStreamEvent on broken streams, errors included', () => {
  const limit = fc.option(fc.integer({ min: 1, max: 200 }), { nil: 10_000 });
  const mixed = fc
    .array(fc.oneof(sseBody, fc.string().map(delta)), { maxLength: 6 })
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(mixed, cuts, limit, (body, places, maxEventBytes) => {
      const expected = layered([body], { maxEventBytes });
      assert.deepEqual(fused([body], { maxEventBytes }), expected);
      assert.deepEqual(fused(cutBody(body, places), { maxEventBytes }), expected);
    }),
    { numRuns: 1000 },
  );
});

test('StreamEventDecoder throws nothing but ProtocolError on random bytes', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 }), (chunks) => {
      const withDelta = [new TextEncoder().encode(delta('x')), ...chunks];
      assert.deepEqual(fused(withDelta, { maxEventBytes: 500 }), layered(withDelta, { maxEventBytes: 500 }));
    }),
    { numRuns: 2000 },
  );
});

test('StreamEventDecoder returns the events before an error first, then throws it at every call', () => {
  const decoder = new StreamEventDecoder();
  assert.equal(decoder.push(`${delta('kept')}data: {"type":\n\n${delta('behind it')}`).length, 1);
  assert.throws(() => decoder.push(''), { code: 'invalid_json', excerpt: '{"type":' });
  assert.throws(() => decoder.end(), { code: 'invalid_json' });
});

test('StreamEventDecoder.end() yields a last event that lacks its blank line', () => {
  const decoder = new StreamEventDecoder();
  assert.deepEqual(decoder.push('event: message_stop\ndata: {"type":"message_stop"}'), []);
  assert.deepEqual(decoder.end(), [{ type: 'message_stop' }]);
});

test('StreamEventDecoder.end() throws what is wrong with the last event, and every call after it does', () => {
  const decoder = new StreamEventDecoder();
  decoder.push('data: {"type":"content_block_stop"}');
  assert.throws(() => decoder.end(), { code: 'invalid_event' });
  assert.equal(decoder.error?.code, 'invalid_event');
  assert.throws(() => decoder.push(''), { code: 'invalid_event' });
});

test('StreamEventDecoder throws nothing but ProtocolError on data nested 100,000 deep', () => {
  const deep = '['.repeat(100_000) + ']'.repeat(100_000);
  assert.deepEqual(fused([`data: ${deep}\n\n`]), [
    'invalid_event: The event without a name is not a JSON object',
  ]);
  for (const error of [deep, `{"x":${deep}}`]) {
    const [event] = new StreamEventDecoder().push(`data: {"type":"error","error":${error}}\n\n`);
    assert.equal(event?.type === 'error' && event.error.message, 'Unknown error');
  }
});
