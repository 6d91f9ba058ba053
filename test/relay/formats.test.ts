import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SseDecoder } from 'millrace/protocol';
import type { ServerSentEvent } from 'millrace/protocol';
import type { LogEntry, LogRecord } from 'millrace/storage';
import { createLogEncoder, createNdjsonEncoder } from '../../src/relay/formats/line-formats.ts';
import { createMessagesEncoder } from '../../src/relay/formats/messages-format.ts';
import { createTextEncoder } from '../../src/relay/formats/text-format.ts';
import { createUiEncoder } from '../../src/relay/formats/ui-format.ts';
import type { Encoder } from '../../src/relay/encoder.ts';
import { anyRecord } from '../support/any-record.ts';
import { messageEnd, messageStart, textEvents } from '../support/streams.ts';

const encoders: Readonly<Record<string, () => Encoder>> = {
  'messages with ids': () => createMessagesEncoder({ withIds: true }),
  'messages without ids': () => createMessagesEncoder({ withIds: false }),
  text: createTextEncoder,
  ndjson: createNdjsonEncoder,
  log: createLogEncoder,
  'ui for ai 6': () => createUiEncoder({ streamId: 's', version: 6, isReplay: true }),
  'ui for ai 7': () => createUiEncoder({ streamId: 's', version: 7, isReplay: true }),
};

const entriesOf = (records: readonly LogRecord[]): LogEntry[] =>
  records.map((record, index) => ({ id: { epoch: 1, sequence: index + 1 }, record }));

const event = (value: { type: string }): LogRecord => ({
  type: 'event',
  event: value.type,
  data: JSON.stringify(value),
});

function framesOf(encoder: Encoder, records: readonly LogRecord[]): ServerSentEvent[] {
  const decoder = new SseDecoder();
  const text = entriesOf(records)
    .map((entry) => encoder.encode(entry))
    .join('');
  return [...decoder.push(text), ...decoder.end()];
}

for (const [name, create] of Object.entries(encoders)) {
  test(`the format ${name} throws at no event, whatever its shape`, () => {
    fc.assert(
      fc.property(fc.array(anyRecord()), (records) => {
        const encoder = create();
        for (const entry of entriesOf(records)) assert.equal(typeof encoder.encode(entry), 'string');
      }),
    );
  });

  test(`the format ${name} throws at no usage that is nested too deep to be written`, () => {
    const usage = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`;
    const data = `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"deep":${usage}}}`;
    const encoder = create();
    framesOf(encoder, [
      event(messageStart),
      { type: 'event', event: 'message_delta', data },
      { type: 'end', ending: { type: 'complete' } },
    ]);
  });
}

const failed = { type: 'failed', code: 'overloaded_error', message: 'Overloaded' } as const;
const upstreamError = event({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } } as {
  type: string;
});

test('an entry is the same frame in the messages format, wherever the reader joined', () => {
  const ends: LogRecord[] = [
    { type: 'end', ending: failed, saidByUpstream: true },
    { type: 'end', ending: failed },
  ];
  for (const end of ends) {
    const records = [event(messageStart), upstreamError, end];
    const whole = framesOf(createMessagesEncoder({ withIds: true }), records);
    const entry = entriesOf(records).at(-1)!;
    const joined = createMessagesEncoder({ withIds: true }).encode(entry);
    assert.deepEqual([...new SseDecoder().push(joined)], whole.slice(-1));
  }
});

test('the messages format says an error that upstream did not say, and no error twice', () => {
  const names = (withIds: boolean, end: LogRecord, ...before: LogRecord[]) =>
    framesOf(createMessagesEncoder({ withIds }), [...before, end]).map(({ event }) => event);
  const said: LogRecord = { type: 'end', ending: failed, saidByUpstream: true };
  const unsaid: LogRecord = { type: 'end', ending: failed };
  assert.deepEqual(names(true, said, upstreamError), ['error', 'millrace']);
  assert.deepEqual(names(true, unsaid), ['error']);
  assert.deepEqual(names(false, said, upstreamError), ['error']);
  assert.deepEqual(names(false, unsaid), ['error']);
});

test('an error is of the type api_error whatever upstream calls it that the API does not have', () => {
  for (const code of ['truncated', 'constructor', '__proto__']) {
    const end: LogRecord = { type: 'end', ending: { type: 'failed', code, message: 'x' } };
    const [frame] = framesOf(createMessagesEncoder({ withIds: false }), [end]);
    const { error } = JSON.parse(frame!.data) as { error: object };
    assert.deepEqual(error, { type: 'api_error', message: 'x', details: { code } });
  }
});

test('the text format says a broken frame at once, and again at the end of the log for who comes back', () => {
  const broken: LogRecord = { type: 'event', event: 'content_block_delta', data: '{"ty' };
  const end: LogRecord = { type: 'end', ending: { type: 'complete' } };
  const frames = framesOf(createTextEncoder(), [event(messageStart), broken, broken, end]);
  assert.deepEqual(
    frames.map(({ event, id }) => [event, id]),
    [
      ['error', '1-2'],
      ['error', '1-4'],
    ],
  );
  assert.equal(frames[0]?.data, frames[1]?.data);
});

test('the text format says of a rewind how much of the text stays, and nothing when all of it does', () => {
  const encoder = createTextEncoder();
  const events = [messageStart, ...textEvents(0, 'Hé', 'llo'), ...textEvents(1, ' all')].map(event);
  framesOf(encoder, events);
  const after = (record: LogRecord) => encoder.encode({ id: { epoch: 1, sequence: 99 }, record });
  assert.equal(after({ type: 'rewind', fromIndex: 2 }), '');
  assert.match(after({ type: 'rewind', fromIndex: 1 }), /^id: 1-99\nevent: reset\ndata: \{"from":5\}\n\n$/);
  assert.match(after({ type: 'rewind', fromIndex: 0 }), /"from":0/);
});

test('the text format begins anew after a reset', () => {
  const encoder = createTextEncoder();
  framesOf(encoder, [messageStart, ...textEvents(0, 'Hello')].map(event));
  assert.match(encoder.reset({ epoch: 0, sequence: 0 }) ?? '', /event: reset\ndata: \{"from":0\}/);
  const again = [messageStart, ...textEvents(0, 'Hi'), ...messageEnd].map(event);
  const frames = framesOf(encoder, [...again, { type: 'end', ending: { type: 'complete' } }]);
  assert.deepEqual(
    frames.map(({ event: name }) => name),
    ['text', 'done'],
  );
});

test('the Messages format without ids ends with an error where it would have to take back what it said', () => {
  const encoder = createMessagesEncoder({ withIds: false });
  const text = encoder.encode({ id: { epoch: 1, sequence: 5 }, record: { type: 'rewind', fromIndex: 0 } });
  assert.match(text, /^event: error\ndata: .*"code":"rewound"/);
  assert.equal(encoder.hasEnded, true);
});

test('the ndjson format says each entry as a line: an event as upstream wrote it, a record of the relay as an event', () => {
  const encoder = createNdjsonEncoder();
  const records: LogRecord[] = [
    { type: 'open', owner: 'anna', request: '{"secret":1}', createdAt: 7 },
    { type: 'event', event: 'ping', data: '{"type":  "ping"\n}' },
    { type: 'event', event: 'x', data: 'no "JSON"\n' },
    { type: 'rewind', fromIndex: 1 },
    { type: 'end', ending: failed },
  ];
  const error =
    '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded","details":{"code":"overloaded_error"}}}';
  assert.deepEqual(
    entriesOf(records).map((entry) => encoder.encode(entry)),
    [
      '{"id":"1-1","event":{"type":"millrace","record":{"type":"open","createdAt":7}}}\n',
      '{"id":"1-2","event":{"type":  "ping" }}\n',
      '{"id":"1-3","data":"no \\"JSON\\"\\n"}\n',
      '{"id":"1-4","event":{"type":"millrace","record":{"type":"rewind","fromIndex":1}}}\n',
      `{"id":"1-5","event":${error}}\n`,
    ],
  );
  assert.equal(encoder.ping(), '{"event":{"type":"ping"}}\n');
  assert.equal(encoder.failed('stream_gone', 'x').includes('"id"'), false);
  assert.match(encoder.reset({ epoch: 0, sequence: 0 }) ?? '', /"reset","from":"0-0"/);
});

test('the log format says each record as it is kept', () => {
  fc.assert(
    fc.property(fc.array(anyRecord()), (records) => {
      const encoder = createLogEncoder();
      const text = entriesOf(records)
        .map((entry) => encoder.encode(entry))
        .join('');
      const lines = text.split('\n').slice(0, -1);
      assert.deepEqual(
        lines.map((line) => (JSON.parse(line) as { record: unknown }).record),
        records.map((record): unknown => JSON.parse(JSON.stringify(record))),
      );
    }),
  );
});
