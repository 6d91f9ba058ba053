import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageAccumulator, parseStreamEvent, SseDecoder } from 'millrace/protocol';
import type { ServerSentEvent } from 'millrace/protocol';
import { isSameEntry, logStart, MemoryStreamLog } from 'millrace/storage';
import type { EntryId, LogRecord, StreamLog } from 'millrace/storage';
import { createMessagesEncoder } from '../../src/relay/formats/messages-format.ts';
import { createTextEncoder } from '../../src/relay/formats/text-format.ts';
import { Loss, Parting } from '../../src/relay/parting.ts';
import { readLog } from '../../src/relay/reader.ts';
import type { Encoder } from '../../src/relay/encoder.ts';
import type { TextSink, TextStream } from '../../src/relay/http.ts';
import type { ReadOptions } from '../../src/relay/read-options.ts';
import { logWith, storeIsGone } from '../support/stream-log.ts';
import { messageEnd, messageStart, textEvents } from '../support/streams.ts';
import { turnsUntil } from '../support/turns.ts';

const withIds = () => createMessagesEncoder({ withIds: true });

const fail = (error: unknown): void => assert.fail(String(error));

const answer: readonly LogRecord[] = [messageStart, ...textEvents(0, 'Hel', 'lo'), ...messageEnd].map(
  (event) => ({
    type: 'event',
    event: event.type,
    data: JSON.stringify(event),
  }),
);
const emptyEvent: LogRecord = { type: 'event', data: '{}' };
const complete: LogRecord = { type: 'end', ending: { type: 'complete' } };

/** A log with these records, and where it stands. */
async function logOf(records: readonly LogRecord[]): Promise<{ log: MemoryStreamLog; tail: EntryId }> {
  const log = new MemoryStreamLog();
  await log.create({ id: 's', open: { type: 'open', owner: 'local', request: '{}', createdAt: 0 } });
  const acquired = await log.acquire('s', 'p', 5000);
  assert.ok(acquired.type === 'acquired');
  if (records.length === 0) return { log, tail: acquired.tail };
  const result = await log.append('s', { after: acquired.tail, records });
  assert.ok(result.type === 'appended', result.type);
  return { log, tail: result.tail };
}

interface Following {
  readonly after?: EntryId;
  readonly signal?: AbortSignal;
  readonly parting?: Parting;
  readonly pingMs?: number;
  readonly onError?: (error: unknown) => void;
  readonly onClose?: () => void;
  readonly onBegin?: ReadOptions['onBegin'];
}

function follow(
  log: StreamLog,
  encoder: Encoder,
  options: Following = {},
): AsyncIterableIterator<string> & TextStream {
  const signal = new AbortController().signal;
  return readLog(log, encoder, {
    id: 's',
    after: logStart,
    signal,
    pingMs: 15_000,
    onError: fail,
    ...options,
  });
}

async function framesOf(log: StreamLog, encoder: Encoder, options?: Following): Promise<ServerSentEvent[]> {
  const decoder = new SseDecoder();
  const frames: ServerSentEvent[] = [];
  for await (const text of follow(log, encoder, options)) frames.push(...decoder.push(text));
  return frames;
}

test('readLog() answers a store that fails with an ending, in every format', async () => {
  const { log } = await logOf(answer);
  for (const changed of [{ read: storeIsGone }, { wait: storeIsGone }]) {
    for (const create of [withIds, () => createMessagesEncoder({ withIds: false }), createTextEncoder]) {
      const errors: unknown[] = [];
      const onError = (error: unknown): unknown => errors.push(error);
      const frames = await framesOf(logWith(log, changed), create(), { onError });
      assert.equal(frames.at(-1)?.event, 'error');
      assert.match(frames.at(-1)?.data ?? '', /"code":"storage_failed"/);
      assert.match(String(errors[0]), /the store is gone/);
      assert.equal(errors.length, 1);
    }
  }
});

test('readLog() says all that the log has when the relay goes, and then where the rest is to be had', async () => {
  const ping: LogRecord = { type: 'event', event: 'ping', data: '{"type":"ping"}' };
  const many = Array.from({ length: 600 }, () => ping);
  const parting = new Parting();
  parting.begin();
  for (const [create, last] of [
    [withIds, { event: 'millrace', data: '{"type":"millrace","record":{"type":"reconnect"}}' }],
    [createTextEncoder, { event: 'reconnect', data: '{}' }],
  ] as const) {
    const { log } = await logOf([...answer.slice(0, 3), ...many]);
    const frames = await framesOf(log, create(), { parting });
    const { id, event, data } = frames.at(-1)!;
    assert.deepEqual({ id, event, data }, { id: undefined, ...last });
    if (create === withIds) assert.equal(frames.length, 606);
  }
  const { log } = await logOf([...answer, complete]);
  const frames = await framesOf(log, withIds(), { parting });
  assert.match(frames.at(-1)?.data ?? '', /"type":"end"/, 'a stream that has ended is read to its end');
});

test('readLog() says all that the log has where nobody can write its end, and then that', async () => {
  const ping: LogRecord = { type: 'event', event: 'ping', data: '{"type":"ping"}' };
  const { log } = await logOf([...answer.slice(0, 3), ...Array.from({ length: 600 }, () => ping)]);
  const loss = new Loss();
  loss.lose(new Error('the store is full'));
  const errors: unknown[] = [];
  const frames = await framesOf(log, withIds(), {
    onBegin: () => ({ loss, onEnd: () => undefined }),
    onError: (error) => errors.push(error),
  });
  assert.equal(frames.length, 606);
  assert.match(frames.at(-1)?.data ?? '', /could not be written here.*"code":"storage_failed"/);
  assert.equal(errors.length, 1);
});

test('readLog() ends a wait when the relay goes, also with an error where a reader cannot come back', async () => {
  const { log } = await logOf(answer.slice(0, 3));
  const parting = new Parting();
  const reading = follow(log, createMessagesEncoder({ withIds: false }), { parting });
  assert.match((await reading.next()).value ?? '', /message_start/);
  const last = reading.next();
  await new Promise(setImmediate);
  parting.begin();
  assert.match((await last).value ?? '', /^event: error\n.*"code":"interrupted"/);
  assert.equal((await reading.next()).done, true);
});

test('readLog() answers a format that throws with an ending', async () => {
  const { log } = await logOf(answer);
  const errors: unknown[] = [];
  const encoder = Object.assign(withIds(), {
    encode: () => {
      throw new RangeError('a fault');
    },
  });
  const frames = await framesOf(log, encoder, { onError: (error) => errors.push(error) });
  assert.match(frames.at(-1)?.data ?? '', /"code":"api_error"/);
  assert.match(String(errors), /a fault/);
});

test('readLog() reads at most 256 entries and 256 KiB at once', async () => {
  const large: LogRecord = { type: 'event', data: 'x'.repeat(100_000) };
  const { log } = await logOf([
    ...Array.from({ length: 600 }, () => emptyEvent),
    ...Array.from({ length: 20 }, () => large),
    complete,
  ]);
  const counts: number[] = [];
  const recording = logWith(log, {
    read: async (...args) => {
      const result = await log.read(...args);
      if (result.type === 'entries') counts.push(result.entries.length);
      return result;
    },
  });
  let largest = 0;
  for await (const text of follow(recording, withIds())) largest = Math.max(largest, text.length);
  assert.equal(Math.max(...counts), 256);
  assert.ok(largest < 256 * 1024 + 256 * 100, `${largest}`);
  assert.equal(
    counts.slice(-3).every((count) => count <= 3),
    true,
    String(counts),
  );
});

test('readLog() lets others have their turn while it catches up', async () => {
  const { log } = await logOf([...Array.from({ length: 2000 }, () => emptyEvent), complete]);
  let turns = 0;
  const count = (): void => {
    turns += 1;
    counting = setImmediate(count);
  };
  let counting = setImmediate(count);
  const frames = await framesOf(log, withIds());
  clearImmediate(counting);
  assert.equal(frames.length, 2003);
  assert.ok(turns >= 5, `${turns}`);
});

test('readLog() waits with one timer and one signal for all entries, however many come one by one', async (t) => {
  const begun = await logOf([]);
  const { log } = begun;
  const signals = new Set<AbortSignal>();
  let waits = 0;
  const recording = logWith(log, {
    wait: (id, after, signal) => {
      signals.add(signal);
      waits += 1;
      return log.wait(id, after, signal);
    },
  });
  const timers = t.mock.method(globalThis, 'setTimeout');
  const reading = framesOf(recording, withIds());
  let { tail } = begun;
  for (const [index, record] of [...answer, complete].entries()) {
    await turnsUntil(() => waits > index);
    const result = await log.append('s', { after: tail, records: [record] });
    assert.ok(result.type === 'appended');
    ({ tail } = result);
  }
  assert.equal((await reading).length, answer.length + 3);
  assert.equal(waits, answer.length + 1);
  assert.equal(signals.size, 1);
  assert.equal(timers.mock.callCount(), 1);
});

test('readLog() pings again and again in one silence, with one wait at a time', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { log, tail } = await logOf([]);
  let open = 0;
  const recording = logWith(log, {
    wait: async (...args) => {
      open += 1;
      await log.wait(...args);
      open -= 1;
    },
  });
  const reader = follow(recording, withIds(), { after: tail, pingMs: 15_000 });
  for (let ping = 0; ping < 3; ping += 1) {
    const next = reader.next();
    await turnsUntil(() => open === 1);
    await new Promise(setImmediate);
    t.mock.timers.tick(14_999);
    const early = await Promise.race([next, new Promise((resolve) => setImmediate(resolve, 'silent'))]);
    assert.equal(early, 'silent');
    t.mock.timers.tick(1);
    assert.match(String((await next).value), /^event: ping\n/);
    assert.equal(open, 0);
  }
  await reader.return?.();
});

test('readLog() does not ping where silence may last for longer than a timer can', async (t) => {
  const { log, tail } = await logOf([]);
  const timers = t.mock.method(globalThis, 'setTimeout');
  for (const pingMs of [Infinity, 2 ** 31]) {
    const reader = follow(log, withIds(), { after: tail, pingMs });
    const next = reader.next();
    await new Promise(setImmediate);
    await reader.return?.();
    assert.deepEqual(await next, { done: true, value: undefined });
  }
  assert.equal(timers.mock.callCount(), 0);
});

test('readLog() that is left gives up its wait', async () => {
  const { log, tail } = await logOf([]);
  const leaving = new AbortController();
  let seen: AbortSignal | undefined;
  const recording = logWith(log, {
    wait: (id, after, signal) => {
      seen = signal;
      return log.wait(id, after, signal);
    },
  });
  const reader = follow(recording, withIds(), { after: tail, signal: leaving.signal });
  const next = reader.next();
  await turnsUntil(() => seen !== undefined);
  leaving.abort();
  assert.deepEqual(await next, { done: true, value: undefined });
  assert.equal(seen?.aborted, true);
});

/** A sink that has room for `room` texts at a time, and is gone for good when `turns` times it was asked for more. */
class SmallSink implements TextSink {
  readonly texts: string[] = [];
  #room: number;
  #turns: number;
  readonly #roomEach: number;

  constructor(room = Infinity, turns = Infinity) {
    this.#room = room;
    this.#roomEach = room;
    this.#turns = turns;
  }

  write(text: string): boolean {
    assert.ok(this.#room > 0, 'written without room');
    this.texts.push(text);
    this.#room -= 1;
    return this.#room > 0;
  }

  async drained(): Promise<boolean> {
    await new Promise(setImmediate);
    this.#turns -= 1;
    this.#room = this.#roomEach;
    return this.#turns >= 0;
  }
}

test('readLog() writes to a sink what a loop would get, from stores that answer at once and later', async () => {
  const { log: whole } = await logOf([...answer, complete]);
  const expected = await framesOf(whole, withIds());
  const { log, tail } = await logOf(answer);
  const later = logWith(log, { read: async (...given) => log.read(...given) });
  const ways = [
    { from: log, sink: new SmallSink() },
    { from: later, sink: new SmallSink() },
    { from: later, sink: new SmallSink(1) },
  ];
  const sinks = ways.map(({ sink }) => sink);
  const writing = ways.map(async ({ from, sink }) => follow(from, withIds()).writeTo?.(sink));
  await turnsUntil(() => sinks.every(({ texts }) => texts.join('').includes('message_stop')));
  await log.append('s', { after: tail, records: [complete] });
  await Promise.all(writing);
  const framesOfSink = ({ texts }: SmallSink): ServerSentEvent[] => new SseDecoder().push(texts.join(''));
  for (const sink of sinks) {
    const withoutIds = (frames: readonly ServerSentEvent[]): unknown[] =>
      frames.map(({ event, data }) => [event, event === 'millrace' ? '' : data]);
    assert.deepEqual(withoutIds(framesOfSink(sink)), withoutIds(expected));
    assert.equal(sink.texts.length, 2);
  }
});

test('readLog() leaves a sink that takes no more, and tells a sink of a store that fails', async () => {
  const { log, tail } = await logOf(answer);
  let closed = 0;
  const gone = new SmallSink(1, 0);
  await follow(log, withIds(), { onClose: () => (closed += 1) }).writeTo?.(gone);
  assert.equal(gone.texts.length, 1);
  assert.ok(closed > 0);
  const errors: unknown[] = [];
  const failing = logWith(log, { wait: storeIsGone });
  const sink = new SmallSink();
  await follow(failing, withIds(), { after: tail, onError: (error) => errors.push(error) }).writeTo?.(sink);
  assert.match(sink.texts.join(''), /^event: error\n.*"code":"storage_failed"/);
  assert.equal(errors.length, 1);
});

/** A log that becomes another one, from its beginning on, when a reader has seen its first five entries. */
async function divergingLog(): Promise<{ log: StreamLog; other: MemoryStreamLog }> {
  const { log } = await logOf(answer);
  const { log: other } = await logOf([...answer, complete]);
  let hasChanged = false;
  return {
    other,
    log: logWith(log, {
      read: async (id, after, limits) => {
        if (hasChanged) return other.read(id, after, limits);
        const result = await log.read(id, after, { ...limits, maxEntries: Math.min(5, limits.maxEntries) });
        if (!isSameEntry(after, logStart)) {
          hasChanged = true;
          return { type: 'diverged', from: logStart };
        }
        return result;
      },
    }),
  };
}

test('a log that diverges is taken back and begun anew where the format can, and ends it where it cannot', async () => {
  const inIds = await divergingLog();
  const frames = await framesOf(inIds.log, withIds());
  assert.deepEqual(JSON.parse(frames[5]!.data), { type: 'millrace', record: { type: 'reset', from: '0-0' } });
  assert.deepEqual(frames.slice(6), await framesOf(inIds.other, withIds()));

  const inText = await divergingLog();
  const pieces = await framesOf(inText.log, createTextEncoder());
  assert.deepEqual(
    pieces.map(({ event }) => event),
    ['text', 'reset', 'text', 'text', 'done'],
  );
  assert.match(pieces.at(-1)?.data ?? '', /"input_tokens":9.*"stop_reason":"end_turn"/);

  const withoutIds = await divergingLog();
  const messages = await framesOf(withoutIds.log, createMessagesEncoder({ withIds: false }));
  assert.equal(messages.length, 4, 'three of the answer, then the ending');
  assert.equal(messages.at(-1)?.event, 'error');
  assert.match(messages.at(-1)?.data ?? '', /"code":"log_diverged"/);
  const accumulator = new MessageAccumulator();
  for (const frame of messages) accumulator.push(parseStreamEvent(frame));
  assert.equal(accumulator.ending?.type, 'failed');
});

test('a store that denies every offset ends its readers', async () => {
  const { log } = await logOf(answer);
  const errors: unknown[] = [];
  const denying = logWith(log, { read: async () => ({ type: 'diverged', from: logStart }) });
  const frames = await framesOf(denying, withIds(), { onError: (error) => errors.push(error) });
  assert.match(frames.at(-1)?.data ?? '', /storage_failed/);
  assert.equal(errors.length, 1);
});
