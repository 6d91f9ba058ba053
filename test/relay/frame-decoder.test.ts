import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SseDecoder } from 'millrace/protocol';
import { FrameDecoder } from '../../src/relay/frame-decoder.ts';
import { cutBody, cuts, sseBody } from '../protocol/arbitraries.ts';
import { outcomeOf } from '../protocol/outcome.ts';

function assertSame(chunks: readonly Uint8Array[]): void {
  const mine = new FrameDecoder();
  const plain = new SseDecoder();
  assert.deepEqual(outcomeOf(mine, chunks), outcomeOf(plain, chunks));
  assert.equal(mine.error?.code, plain.error?.code);
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

test('FrameDecoder gives what SseDecoder gives, whatever the body and wherever it is cut', () => {
  fc.assert(
    fc.property(sseBody, cuts, (body, places) => assertSame(cutBody(bytesOf(body), places))),
    { numRuns: 2000 },
  );
});

test('FrameDecoder gives what SseDecoder gives for chunks of whole frames, usual and not', () => {
  const line = fc.constantFrom(
    'event: ping',
    'event: content_block_delta',
    'event:ping',
    'event: ',
    'event:  two',
    'data: {"a": 1}',
    'data: ü {"type": "ping"}',
    'data:x',
    'data: ',
    'data',
    'id: 7',
    ': comment',
    'retry: 5',
    '\uFEFFdata: x',
    '',
  );
  const frame = fc
    .tuple(fc.array(line, { maxLength: 4 }), fc.constantFrom('\n', '\n', '\n', '\r\n', '\r'))
    .map(([lines, end]) => [...lines, '', ''].join(end));
  const usual = fc
    .tuple(fc.constantFrom('ping', 'content_block_delta', 'x y'), fc.string())
    .map(([event, text]) => `event: ${event}\ndata: ${JSON.stringify(text)}\n\n`);
  const chunk = fc
    .array(fc.oneof({ weight: 3, arbitrary: usual }, frame), { minLength: 1, maxLength: 4 })
    .map((frames) => bytesOf(frames.join('')));
  fc.assert(fc.property(fc.array(chunk, { maxLength: 6 }), assertSame), { numRuns: 3000 });
});

test('FrameDecoder takes a first chunk, and bytes that are no text, as SseDecoder does', () => {
  const bad = Uint8Array.of(...bytesOf('event: a\ndata: '), 0xff, 0xc3, 10, 10);
  for (const chunks of [
    [bytesOf('\uFEFFevent: a\ndata: 1\n\n'), bytesOf('\uFEFFevent: a\ndata: 1\n\n')],
    [bytesOf('event: a\ndata: 1\n\n'), bad, bytesOf('event: a\ndata: 2\n\n')],
    [bytesOf('event: a\ndata: 1\n\n'), bytesOf('\n\n'), bytesOf('event: b'), bytesOf('\ndata: 2\n\n')],
    [bytesOf('event: a\ndata: 1\n\n'), bytesOf('data: 1\ndata: 2\n\n'), bytesOf('event: e\n\n')],
  ])
    assertSame(chunks);
});
