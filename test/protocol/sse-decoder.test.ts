import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createParser } from 'eventsource-parser';
import fc from 'fast-check';
import { encodeSse, SseDecoder } from 'millrace/protocol';
import type { ServerSentEvent, SseDecoderOptions } from 'millrace/protocol';
import { cutBody, cuts, sseBody } from './arbitraries.ts';
import { outcomeOf } from './outcome.ts';

function decode(chunks: readonly (Uint8Array | string)[], options?: SseDecoderOptions): ServerSentEvent[] {
  const decoder = new SseDecoder(options);
  const events = chunks.flatMap((chunk) => decoder.push(chunk));
  return [...events, ...decoder.end()];
}

const outcome = (chunks: readonly (Uint8Array | string)[], options?: SseDecoderOptions): unknown[] =>
  outcomeOf(new SseDecoder(options), chunks);

const frame = (data: string, event?: string, id?: string) => ({ event, data, id });

test('SseDecoder reads event, data and id of a frame', () => {
  assert.deepEqual(decode(['id: 7-1\nevent: ping\ndata: {"type": "ping"}\n\n']), [
    frame('{"type": "ping"}', 'ping', '7-1'),
  ]);
});

test('SseDecoder joins data lines by line feeds and strips one space only', () => {
  assert.deepEqual(decode(['data:a\ndata:  b\ndata\ndata:\n\n']), [frame('a\n b\n\n')]);
});

test('SseDecoder ends lines at LF, CR and CRLF alike', () => {
  for (const end of ['\n', '\r', '\r\n']) {
    const body = ['event: a', 'data: 1', '', 'data: 2', 'data: 3', '', ''].join(end);
    assert.deepEqual(decode([body]), [frame('1', 'a'), frame('2\n3')], JSON.stringify(end));
  }
});

test('SseDecoder drops one byte order mark at the beginning and no other', () => {
  const bytes = new TextEncoder().encode('\uFEFFdata: 1\n\ndata: \uFEFF2\n\n');
  assert.deepEqual(decode([bytes]), [frame('1'), frame('\uFEFF2')]);
  assert.deepEqual(decode([bytes.slice(0, 1), bytes.slice(1, 2), bytes.slice(2)]), [
    frame('1'),
    frame('\uFEFF2'),
  ]);
});

test('SseDecoder passes over comments, unknown fields and frames without data', () => {
  assert.deepEqual(decode([': keep-alive\n\nfoo: bar\nevent: none\n\ndata: 1\n\n']), [frame('1')]);
});

test('SseDecoder keeps the last event id across frames, and ignores one with NUL', () => {
  const decoder = new SseDecoder();
  const events = decoder.push('id: 1\ndata: a\n\ndata: b\n\nid: x\0y\ndata: c\n\n');
  assert.deepEqual(events, [frame('a', undefined, '1'), frame('b'), frame('c')]);
  assert.equal(decoder.lastEventId, '1');
  decoder.push('id: 2\n');
  assert.equal(decoder.lastEventId, '1', 'an id counts from its blank line on');
  decoder.push('\n');
  assert.equal(decoder.lastEventId, '2', 'also without data');
  decoder.push('id\n\n');
  assert.equal(decoder.lastEventId, '', 'an empty id resets it');
});

test('SseDecoder reads retry in milliseconds, digits only', () => {
  const decoder = new SseDecoder();
  decoder.push('retry: 1500\nretry: 2s\nretry:\n\n');
  assert.equal(decoder.retryMs, 1500);
});

test('SseDecoder.end() yields a last event that lacks its blank line when its data is whole JSON', () => {
  for (const body of [
    'event: a\ndata: {"x":1}',
    'event: a\ndata: {"x":1}\n',
    'event: a\ndata: {"x":1}\nid: cu',
  ]) {
    assert.deepEqual(decode([body]), [frame('{"x":1}', 'a')], JSON.stringify(body));
  }
  assert.deepEqual(decode(['data: {"x":\ndata: 1}']), [frame('{"x":\n1}')]);
  assert.deepEqual(decode(['data: 12\n']), [frame('12')]);
});

test('SseDecoder.end() drops a last event that may be cut', () => {
  for (const body of [
    'data: {"x":1',
    'data: 12',
    'data: plain\n',
    'event: a\n',
    'event: a',
    'dat',
    'data: "a',
  ]) {
    assert.deepEqual(decode([body]), [], JSON.stringify(body));
  }
});

test('SseDecoder.end() leaves lastEventId at the last event returned, so that a resume gets the one dropped', () => {
  for (const cut of ['id: 7\n', 'id: 7\ndata: {"a":', 'id: 7\ndata: x\n']) {
    const decoder = new SseDecoder();
    decoder.push(`id: 6\ndata: {"a":1}\n\n${cut}`);
    assert.deepEqual(decoder.end(), []);
    assert.equal(decoder.lastEventId, '6', cut);
  }
  const whole = new SseDecoder();
  whole.push('id: 7\ndata: {"a":1}');
  assert.equal(whole.end().length, 1);
  assert.equal(whole.lastEventId, '7');
});

test('SseDecoder passes over a retry longer than a timer can wait', () => {
  const decoder = new SseDecoder();
  decoder.push('retry: 999999999\n\n');
  decoder.push(`retry: ${'9'.repeat(10)}\n\n`);
  assert.equal(decoder.retryMs, 999_999_999);
});

test('SseDecoder reads one event of 100,000 lines, in one push and line by line, for each line end', () => {
  for (const end of ['\n', '\r', '\r\n']) {
    const lines = Array.from({ length: 100_000 }, (_, line) => `data: ${line}${end}`);
    for (const chunks of [[lines.join('')], lines]) {
      const [event] = decode([...chunks, end]);
      assert.equal(event?.data.split('\n').length, 100_000);
    }
  }
});

test('SseDecoder cannot be used after end()', () => {
  const decoder = new SseDecoder();
  decoder.end();
  assert.throws(() => decoder.push('data: 1\n\n'), TypeError);
  assert.throws(() => decoder.end(), TypeError);
});

test('SseDecoder throws event_too_large past the limit, after the events before it, and stays finished', () => {
  const decoder = new SseDecoder({ maxEventBytes: 13 });
  assert.deepEqual(decoder.push('data: 12345\n\ndata: 123456\n\n'), [frame('12345')]);
  assert.throws(() => decoder.push(''), { code: 'event_too_large' });
  assert.throws(() => decoder.end(), { code: 'event_too_large' });
  const tight = new SseDecoder({ maxEventBytes: 12 });
  assert.throws(() => tight.push('data: 12345\n\n'), { code: 'event_too_large' });
});

test('SseDecoder counts the limit in bytes of UTF-8', () => {
  const body = 'data: 水車🌊\n\n';
  const bytes = new TextEncoder().encode(body).length;
  assert.equal(decode([body], { maxEventBytes: bytes }).length, 1);
  assert.deepEqual(outcome([body], { maxEventBytes: bytes - 1 }), ['event_too_large']);
});

test('SseDecoder counts no comment against an event', () => {
  const body = `${': keep-alive\n'.repeat(50)}data: 1\n\n`;
  assert.deepEqual(decode([body], { maxEventBytes: 20 }), [frame('1')]);
});

test('SseDecoder refuses a limit that is not above 0', () => {
  for (const maxEventBytes of [0, -1, Number.NaN])
    assert.throws(() => new SseDecoder({ maxEventBytes }), RangeError);
});

test('SseDecoder gives the same events and the same error wherever the bytes are cut', () => {
  const limit = fc.option(fc.integer({ min: 1, max: 90 }), { nil: 1000 });
  fc.assert(
    fc.property(sseBody, cuts, limit, (body, places, maxEventBytes) => {
      const bytes = new TextEncoder().encode(body);
      const whole = outcome([bytes], { maxEventBytes });
      assert.deepEqual(outcome(cutBody(bytes, places), { maxEventBytes }), whole);
      assert.deepEqual(outcome(cutBody(body, places), { maxEventBytes }), whole);
      assert.deepEqual(
        outcome(
          Array.from(bytes, (byte) => Uint8Array.of(byte)),
          { maxEventBytes },
        ),
        whole,
      );
    }),
    { numRuns: 1000 },
  );
});

test('SseDecoder agrees with eventsource-parser', () => {
  fc.assert(
    fc.property(sseBody, cuts, (body, places) => {
      const theirs: ServerSentEvent[] = [];
      const parser = createParser({ onEvent: ({ event, data, id }) => theirs.push({ event, data, id }) });
      const decoder = new SseDecoder();
      const ours: ServerSentEvent[] = [];
      // With a last line end of its own, no text is left over that the two treat differently.
      for (const chunk of [...cutBody(body, places), '\n']) {
        parser.feed(chunk);
        ours.push(...decoder.push(chunk));
      }
      assert.deepEqual(ours, theirs);
    }),
    { numRuns: 2000 },
  );
});

test('SseDecoder throws nothing but ProtocolError on random bytes and holds no more than its limit', () => {
  const bytes = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 6 });
  fc.assert(
    fc.property(bytes, (chunks) => {
      const seen = outcome(chunks, { maxEventBytes: 64 });
      for (const event of seen.filter((item) => typeof item !== 'string')) {
        assert.ok((event as ServerSentEvent).data.length <= 64);
      }
    }),
    { numRuns: 2000 },
  );
});

test('SseDecoder decodes UTF-8 cut anywhere as TextDecoder decodes it whole', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 5 }),
    fc
      .constantFrom('水', '🌊', 'é', 'a', '\u{10FFFF}', '\uFFFD')
      .map((text) => new TextEncoder().encode(text)),
    fc
      .constantFrom([0xe0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90], [0xc0, 0xaf], [0xf0, 0x9f])
      .map((bytes) => Uint8Array.from(bytes)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), cuts, (pieces, places) => {
      const text = pieces.flatMap((bytes) => [...bytes]).filter((byte) => byte !== 10 && byte !== 13);
      const bytes = Uint8Array.from([...new TextEncoder().encode('data: '), ...text, 10, 10]);
      const expected = new TextDecoder().decode(bytes).slice('data: '.length, -2);
      assert.deepEqual(decode(cutBody(bytes, places)), [frame(expected)]);
    }),
    { numRuns: 3000 },
  );
});

test('SseDecoder reads one event of 10 MB byte by byte within its memory limit', () => {
  const bytes = new TextEncoder().encode(`data: ${'x'.repeat(10_000_000)}\n\n`);
  const decoder = new SseDecoder();
  const events: ServerSentEvent[] = [];
  for (let index = 0; index < bytes.length; index += 1) {
    for (const event of decoder.push(bytes.subarray(index, index + 1))) events.push(event);
  }
  assert.equal(events[0]?.data.length, 10_000_000);
});

test('encodeSse() frames what SseDecoder reads back', () => {
  const line = fc
    .string({ unit: 'binary' })
    .filter((text) => !/[\r\n\0]/.test(text) && !text.startsWith(' '));
  const fields = {
    event: fc.option(
      line.filter((text) => text !== ''),
      { nil: undefined },
    ),
    data: fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\r', '')),
    id: fc.option(line, { nil: undefined }),
  };
  const event = fc.record(fields, { noNullPrototype: true });
  fc.assert(
    fc.property(event, (sse) => {
      assert.deepEqual(decode([encodeSse(sse)]), [sse]);
    }),
  );
});

test('encodeSse() frames a stream event as the API does', () => {
  assert.equal(encodeSse({ type: 'message_stop' }), 'event: message_stop\ndata: {"type":"message_stop"}\n\n');
});

test('encodeSse() refuses a field that would break the frame', () => {
  assert.throws(() => encodeSse({ event: 'a\nb', data: '' }), TypeError);
  assert.throws(() => encodeSse({ id: '1\r', data: '' }), TypeError);
  assert.throws(() => encodeSse({ id: '1\0', data: '' }), TypeError);
});
