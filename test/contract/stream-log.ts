// What every StreamLog does, whatever keeps it. The numbers are those of the promises in src/storage/stream-log.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logStart } from 'millrace/storage';
import type { EntryId, LogEntry, LogRecord, NewStream, StreamLog } from 'millrace/storage';

interface BackendOptions {
  readonly now: () => number;
  readonly maxStreams: number;
  readonly maxLogBytes: number;
  readonly maxTotalBytes: number;
  readonly keepMs: number;
}

export interface Backend {
  readonly name: string;
  /** Opens an empty store with small limits, whose clock is `now`. */
  readonly open: (options: BackendOptions) => Promise<StreamLog>;
  /** Opens the store that was closed last, with what is in it; absent for a backend that keeps nothing. */
  readonly reopen?: (options: BackendOptions) => Promise<StreamLog>;
}

const leaseMs = 1000;
const ending = { type: 'end', ending: { type: 'complete' } } as const;
/** More than any log here holds. */
const all = { maxEntries: 100, maxBytes: 1_000_000 };
const say = (data: string): LogRecord => ({ type: 'event', event: 'content_block_delta', data });

function newStream(id: string, extra: Partial<NewStream> = {}): NewStream {
  return { id, open: { type: 'open', owner: 'local', request: '{}', createdAt: 7 }, ...extra };
}

/** All entries after `after`, read in small steps. */
async function readAll(log: StreamLog, id: string, after: EntryId = logStart): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  for (;;) {
    const result = await log.read(id, entries.at(-1)?.id ?? after, { ...all, maxEntries: 2 });
    assert.ok(result.type === 'entries');
    if (result.entries.length === 0) return entries;
    entries.push(...result.entries);
  }
}

export function testStreamLog({ name, open, reopen }: Backend): void {
  let time = 1_000_000;
  const limits = { maxStreams: 3, maxLogBytes: 5000, maxTotalBytes: 12_000, keepMs: 5000 };
  const options = { now: () => time, ...limits };
  const it = (title: string, run: (log: StreamLog) => Promise<void>): void => {
    void test(`${name}: ${title}`, async () => {
      time = 1_000_000;
      await using log = await open(options);
      await run(log);
    });
  };

  it('tells whether another process can go on with its streams', async (log) => {
    assert.equal(log.outlivesProcess, reopen !== undefined);
  });

  /** A test of a backend that outlives its process: `again` closes the store and opens it anew. */
  const itAgain = (
    title: string,
    run: (log: StreamLog, again: () => Promise<StreamLog>) => Promise<void>,
  ): void => {
    const skip = reopen === undefined && 'this backend keeps nothing';
    void test(`${name}: ${title}`, { skip }, async () => {
      assert.ok(reopen !== undefined);
      time = 1_000_000;
      const opened = [await open(options)];
      try {
        await run(opened[0]!, async () => {
          await opened.at(-1)![Symbol.asyncDispose]();
          opened.push(await reopen(options));
          return opened.at(-1)!;
        });
      } finally {
        await opened.at(-1)![Symbol.asyncDispose]();
      }
    });
  };

  /** Makes a stream and takes it; returns the tail. */
  async function begin(log: StreamLog, id = 's', producer = 'p1'): Promise<EntryId> {
    assert.deepEqual(await log.create(newStream(id)), { type: 'created' });
    const acquired = await log.acquire(id, producer, leaseMs);
    assert.ok(acquired.type === 'acquired');
    return acquired.tail;
  }

  async function append(log: StreamLog, after: EntryId, ...records: LogRecord[]): Promise<EntryId> {
    const result = await log.append('s', { after, records });
    assert.ok(result.type === 'appended', result.type);
    return result.tail;
  }

  it('entries are numbered from 1 without gaps, the log begins with open, nothing follows end (1)', async (log) => {
    let tail = await begin(log);
    tail = await append(log, tail, say('a'), say('b'), say('c'));
    tail = await append(log, tail, ending);
    const entries = await readAll(log, 's');
    assert.deepEqual(
      entries.map(({ id }) => id.sequence),
      [1, 2, 3, 4, 5, 6],
    );
    assert.deepEqual(
      entries.map(({ record }) => record.type),
      ['open', 'attempt', 'event', 'event', 'event', 'end'],
    );
    assert.deepEqual(await log.append('s', { after: tail, records: [say('late')] }), { type: 'ended' });
    assert.deepEqual(await log.acquire('s', 'p2', leaseMs), { type: 'ended' });
    assert.equal((await readAll(log, 's')).length, 6);
  });

  it('append writes all its records or none, and only when the tail is as expected (2)', async (log) => {
    const tail = await begin(log);
    const next = await append(log, tail, say('a'), say('b'));
    const fenced = { type: 'fenced', tail: next };
    assert.deepEqual(await log.append('s', { after: tail, records: [say('x'), say('y')] }), fenced);
    const other = { epoch: next.epoch + 1, sequence: next.sequence };
    assert.deepEqual(await log.append('s', { after: other, records: [say('x')] }), fenced);
    assert.equal((await readAll(log, 's')).length, 4);
  });

  it('append past the limit of a log writes nothing, and its end always fits (2)', async (log) => {
    const tail = await begin(log);
    const records = [say('small'), say('x'.repeat(5000))];
    assert.deepEqual(await log.append('s', { after: tail, records }), { type: 'full' });
    assert.equal((await readAll(log, 's')).length, 2);
    const full = await append(log, tail, say('x'.repeat(3900)));
    await append(log, full, ending);
  });

  it('the request counts to the bytes of its log (2)', async (log) => {
    const request = JSON.stringify({ messages: 'x'.repeat(3000) });
    await log.create({ id: 's', open: { type: 'open', owner: 'local', request, createdAt: 7 } });
    const acquired = await log.acquire('s', 'p1', leaseMs);
    assert.ok(acquired.type === 'acquired');
    const append = (length: number) =>
      log.append('s', { after: acquired.tail, records: [say('x'.repeat(length))] });
    assert.deepEqual(await append(2000), { type: 'full' });
    assert.equal((await append(500)).type, 'appended');
  });

  it('what append acknowledged is read from any entry on, in steps of any size (3)', async (log) => {
    const tail = await begin(log);
    await append(log, tail, say('a'), say('b'), say('c'));
    const entries = await readAll(log, 's');
    for (const [index, { id }] of entries.entries()) {
      assert.deepEqual(await readAll(log, 's', id), entries.slice(index + 1));
    }
    const result = await log.read('s', logStart, { ...all, maxEntries: 0 });
    assert.deepEqual(result, { type: 'entries', entries: [], ended: false });
  });

  it('read says ended with the last entry and not before (3)', async (log) => {
    const tail = await begin(log);
    await append(log, tail, say('a'), ending);
    const first = await log.read('s', logStart, { ...all, maxEntries: 3 });
    assert.ok(first.type === 'entries' && !first.ended);
    const rest = await log.read('s', first.entries.at(-1)!.id, { ...all, maxEntries: 3 });
    assert.ok(rest.type === 'entries' && rest.ended);
    const nothing = await log.read('s', rest.entries.at(-1)!.id, { ...all, maxEntries: 3 });
    assert.deepEqual(nothing, { type: 'entries', entries: [], ended: true });
  });

  it('read returns as many bytes as it may, and one entry at least (3)', async (log) => {
    const tail = await begin(log);
    await append(log, tail, say('a'.repeat(1000)), say('b'.repeat(1000)), say('c'.repeat(1000)));
    const countOf = async (maxBytes: number) => {
      const result = await log.read('s', tail, { maxEntries: 100, maxBytes });
      assert.ok(result.type === 'entries');
      return result.entries.length;
    };
    assert.equal(await countOf(1), 1);
    assert.equal(await countOf(1999), 1);
    assert.equal(await countOf(2999), 2);
    assert.equal(await countOf(5000), 3);
  });

  it('read tells an offset that is not in the log (3)', async (log) => {
    const tail = await begin(log);
    for (const after of [
      { epoch: tail.epoch, sequence: tail.sequence + 1 },
      { epoch: tail.epoch - 1, sequence: tail.sequence },
      { epoch: tail.epoch, sequence: 1 },
    ]) {
      assert.equal((await log.read('s', after, all)).type, 'diverged');
    }
    assert.deepEqual(await log.read('none', logStart, all), { type: 'gone' });
  });

  it('says how many streams it holds, and how many bytes, counted as its limits are', async (log) => {
    assert.deepEqual(await log.held(), { streams: 0, bytes: 0 });
    const tail = await begin(log);
    const before = await log.held();
    assert.equal(before.streams, 1);
    await append(log, tail, say('x'.repeat(1000)));
    const { bytes } = await log.held();
    assert.ok(bytes >= before.bytes + 1000 && bytes < before.bytes + 2500);
    await log.delete('s');
    assert.deepEqual(await log.held(), { streams: 0, bytes: 0 });
  });

  it('one producer holds the lease, until it runs out or is given back (4)', async (log) => {
    await begin(log);
    assert.deepEqual(await log.acquire('s', 'p2', leaseMs), { type: 'held' });
    assert.deepEqual(await log.abandoned(), []);
    time += leaseMs - 1;
    assert.deepEqual(await log.renew('s', 'p1', leaseMs), { held: true, stopRequested: false });
    assert.deepEqual(await log.renew('s', 'p2', leaseMs), { held: false, stopRequested: false });
    time += leaseMs - 1;
    assert.deepEqual(await log.acquire('s', 'p2', leaseMs), { type: 'held' });
    await log.release('s', 'p2');
    assert.deepEqual(
      await log.acquire('s', 'p2', leaseMs),
      { type: 'held' },
      'only the holder gives it back',
    );
    await log.release('s', 'p1');
    assert.deepEqual(await log.abandoned(), ['s']);
    assert.equal((await log.acquire('s', 'p2', leaseMs)).type, 'acquired');
  });

  it('a producer that was replaced is fenced, and the one that follows numbers on in a new epoch (4)', async (log) => {
    const first = await append(log, await begin(log), say('a'));
    time += leaseMs;
    const acquired = await log.acquire('s', 'p2', leaseMs);
    assert.ok(acquired.type === 'acquired');
    assert.deepEqual(acquired.attempt, { type: 'attempt', number: 2, producer: 'p2' });
    assert.ok(acquired.tail.epoch > first.epoch);
    assert.equal(acquired.tail.sequence, first.sequence + 1);
    assert.deepEqual(await log.append('s', { after: first, records: [say('zombie')] }), {
      type: 'fenced',
      tail: acquired.tail,
    });
    assert.deepEqual(await log.renew('s', 'p1', leaseMs), { held: false, stopRequested: false });
    await append(log, acquired.tail, say('b'), ending);
  });

  it('an epoch is never used twice, also when the clock stands still or goes back (4)', async (log) => {
    const { epoch } = await begin(log);
    await log.release('s', 'p1');
    time -= 500_000;
    const acquired = await log.acquire('s', 'p2', leaseMs);
    assert.ok(acquired.type === 'acquired' && acquired.tail.epoch > epoch);
  });

  it('a reader that waits is woken by an append, by the end, by a deletion and by its signal (5)', async (log) => {
    let tail = await begin(log);
    const never = new AbortController().signal;
    const woken: string[] = [];
    const waiting = log.wait('s', tail, never).then(() => woken.push('append'));
    tail = await append(log, tail, say('a'));
    await waiting;
    await log.wait('s', logStart, never);
    const leaving = new AbortController();
    const left = log.wait('s', tail, leaving.signal).then(() => woken.push('signal'));
    leaving.abort();
    await left;
    const atEnd = log.wait('s', tail, never).then(() => woken.push('end'));
    await append(log, tail, ending);
    await atEnd;
    await begin(log, 't');
    const state = await log.state('t');
    const deleted = log.wait('t', state!.tail, never).then(() => woken.push('deletion'));
    await log.delete('t');
    await deleted;
    await log.wait('t', logStart, never);
    assert.deepEqual(woken, ['append', 'signal', 'end', 'deletion']);
  });

  it('a stop reaches the producer by its next append and renewal', async (log) => {
    const tail = await begin(log);
    assert.equal(await log.requestStop('s'), 'requested');
    assert.equal(await log.requestStop('s'), 'requested', 'asking again does no harm');
    assert.deepEqual(await log.renew('s', 'p1', leaseMs), { held: true, stopRequested: true });
    const result = await log.append('s', { after: tail, records: [say('a')] });
    assert.ok(result.type === 'appended' && result.stopRequested);
    await append(log, result.tail, { type: 'end', ending: { type: 'stopped' } });
    assert.equal(await log.requestStop('s'), 'ended');
    assert.equal(await log.requestStop('none'), 'gone');
  });

  it('a stop ends a stream that nobody produces', async (log) => {
    await begin(log);
    await log.release('s', 'p1');
    assert.equal(await log.requestStop('s'), 'requested');
    assert.deepEqual((await log.state('s'))?.ending, { type: 'stopped' });
    assert.equal((await readAll(log, 's')).at(-1)?.record.type, 'end');
  });

  it('a stop ends a stream whose producer died before it could', async (log) => {
    await begin(log);
    assert.equal(await log.requestStop('s'), 'requested');
    assert.equal((await log.state('s'))?.ending, undefined);
    time += leaseMs;
    assert.deepEqual(await log.acquire('s', 'p2', leaseMs), { type: 'ended' });
    assert.deepEqual((await log.state('s'))?.ending, { type: 'stopped' });
    assert.deepEqual(
      (await readAll(log, 's')).map(({ record }) => record.type),
      ['open', 'attempt', 'end'],
    );
  });

  it('create rejects an id that is in use', async (log) => {
    await begin(log);
    await assert.rejects(() => log.create(newStream('s')), RangeError);
    assert.equal((await readAll(log, 's')).length, 2);
  });

  it('an idempotency key gives the stream made before, per owner, and refuses another request', async (log) => {
    const keyed = { idempotencyKey: 'k' };
    assert.deepEqual(await log.create(newStream('a', keyed)), { type: 'created' });
    assert.deepEqual(await log.create(newStream('b', keyed)), { type: 'exists', id: 'a' });
    const other = { ...newStream('b').open, request: '{"other":1}' };
    assert.deepEqual(await log.create({ id: 'b', open: other, ...keyed }), { type: 'conflict' });
    const elsewhere = { ...newStream('b').open, owner: 'someone' };
    assert.deepEqual(await log.create({ id: 'b', open: elsewhere, ...keyed }), { type: 'created' });
    await log.delete('a');
    assert.deepEqual(await log.create(newStream('c', keyed)), { type: 'created' });
  });

  it('made says what an idempotency key has made, and makes nothing', async (log) => {
    const { id: _, ...asked } = newStream('a', { idempotencyKey: 'k' });
    assert.equal(await log.made(asked), undefined);
    assert.equal(await log.made(newStream('a')), undefined);
    assert.deepEqual(await log.create({ id: 'a', ...asked }), { type: 'created' });
    assert.deepEqual(await log.made(asked), { type: 'exists', id: 'a' });
    assert.deepEqual(await log.made({ ...asked, open: { ...asked.open, request: '{"other":1}' } }), {
      type: 'conflict',
    });
    assert.equal(await log.made({ ...asked, open: { ...asked.open, owner: 'someone' } }), undefined);
    assert.equal(await log.made({ ...asked, idempotencyKey: 'other' }), undefined);
    assert.deepEqual((await log.held()).streams, 1);
    await log.requestStop('a');
    time += limits.keepMs;
    assert.equal(await log.made(asked), undefined);
  });

  it('newest is the stream of a conversation that was made last, of those that are there, per owner', async (log) => {
    const open = { ...newStream('a').open, conversation: 'c' };
    assert.equal(await log.newest('local', 'c'), undefined);
    await log.create({ id: 'a', open });
    await log.create({ id: 'b', open });
    await log.create(newStream('alone'));
    assert.equal(await log.newest('local', 'c'), 'b');
    assert.equal(await log.newest('someone', 'c'), undefined);
    assert.equal(await log.newest('local', 'd'), undefined);
    await log.delete('b');
    assert.equal(await log.newest('local', 'c'), 'a');
    await log.create({ id: 'e', open: { ...open, owner: 'someone' } });
    assert.equal(await log.newest('local', 'c'), 'a');
    assert.equal(await log.newest('someone', 'c'), 'e');
    await log.requestStop('a');
    assert.equal(await log.newest('local', 'c'), 'a');
    time += limits.keepMs;
    assert.equal(await log.newest('local', 'c'), undefined);
  });

  it('state tells owner, tail and ending, and nothing of a stream that is not there', async (log) => {
    const tail = await begin(log);
    assert.deepEqual(await log.state('s'), {
      id: 's',
      owner: 'local',
      createdAt: 7,
      tail,
      ending: undefined,
    });
    const failed = { type: 'failed', code: 'truncated', message: 'cut' } as const;
    const last = await append(log, tail, { type: 'end', ending: failed });
    assert.deepEqual(await log.state('s'), {
      id: 's',
      owner: 'local',
      createdAt: 7,
      tail: last,
      ending: failed,
    });
    assert.equal(await log.state('none'), undefined);
  });

  it('a log is kept for its time after its end, and an open one for ever (6)', async (log) => {
    const tail = await begin(log);
    time += 50_000;
    assert.equal((await log.read('s', logStart, all)).type, 'entries');
    await append(log, tail, ending);
    time += 4999;
    assert.equal((await log.read('s', logStart, all)).type, 'entries');
    time += 1;
    assert.deepEqual(await log.read('s', logStart, all), { type: 'gone' });
    assert.equal(await log.state('s'), undefined);
  });

  it('a clock that was wrong for a while, and is set back, keeps no log for longer (6)', async (log) => {
    const wrongBy = 1_000_000_000;
    const tail = await begin(log, 's');
    time += wrongBy;
    await append(log, tail, ending);
    time -= wrongBy;
    const next = await begin(log, 't');
    await log.append('t', { after: next, records: [ending] });
    time += limits.keepMs - 1;
    assert.equal(await log.made(newStream('u', { idempotencyKey: 'k' })), undefined);
    assert.equal((await log.held()).streams, 2);
    time += 1;
    assert.equal(await log.made(newStream('u', { idempotencyKey: 'k' })), undefined);
    assert.equal((await log.held()).streams, 0);
  });

  it('what would not fit without all ended streams either makes none of them go (6)', async (log) => {
    const open = await begin(log, 'open');
    const filled = await log.append('open', { after: open, records: [say('x'.repeat(3900))] });
    assert.ok(filled.type === 'appended');
    await log.append('s', { after: await begin(log, 's'), records: [ending] });
    const request = 'x'.repeat(11_000);
    const large = { type: 'open', owner: 'local', request, createdAt: 7 } as const;
    assert.deepEqual(await log.create({ id: 'large', open: large }), { type: 'full' });
    assert.equal((await log.read('s', logStart, all)).type, 'entries');
  });

  it('a log and a store may be exactly as large as their limits (2)', async (log) => {
    const lengthLeft = async (id: string, limit: number): Promise<number> => {
      const { bytes } = await log.held();
      const state = await log.state(id);
      await log.append(id, { after: state!.tail, records: [say('')] });
      const perEntry = (await log.held()).bytes - bytes;
      return limit - bytes - 2 * perEntry;
    };
    await begin(log, 's');
    const left = await lengthLeft('s', limits.maxLogBytes);
    const { tail } = (await log.state('s'))!;
    const of = (length: number) => log.append('s', { after: tail, records: [say('x'.repeat(length))] });
    assert.deepEqual(await of(left + 1), { type: 'full' });
    assert.equal((await of(left)).type, 'appended');
    assert.equal((await log.held()).bytes, limits.maxLogBytes);
    await begin(log, 't');
    const request = 'x'.repeat(4000);
    await log.create({ id: 'u', open: { type: 'open', owner: 'local', request, createdAt: 7 } });
    const room = await lengthLeft('t', limits.maxTotalBytes);
    const { tail: after } = (await log.state('t'))!;
    const fill = (length: number) => log.append('t', { after, records: [say('x'.repeat(length))] });
    assert.deepEqual(await fill(room + 1), { type: 'full' });
    assert.equal((await fill(room)).type, 'appended');
    assert.equal((await log.held()).bytes, limits.maxTotalBytes);
  });

  it('a full store drops the oldest ended stream, and never an open one (6)', async (log) => {
    await append(log, await begin(log, 's'), ending);
    await begin(log, 't');
    await begin(log, 'u');
    await begin(log, 'v');
    assert.equal(await log.state('s'), undefined);
    assert.deepEqual(await log.create(newStream('w')), { type: 'full' });
    assert.notEqual(await log.state('t'), undefined);
  });

  it('a store full of bytes drops the oldest ended stream, and never an open one (6)', async (log) => {
    const fill = async (id: string): Promise<EntryId> => {
      const result = await log.append(id, {
        after: await begin(log, id),
        records: [say('x'.repeat(3800))],
      });
      assert.ok(result.type === 'appended', result.type);
      return result.tail;
    };
    await log.append('s', { after: await fill('s'), records: [ending] });
    await fill('t');
    await begin(log, 'u');
    assert.notEqual(await log.state('s'), undefined);
    const tail = (await log.state('u'))!.tail;
    assert.equal((await log.append('u', { after: tail, records: [say('x'.repeat(3800))] })).type, 'appended');
    assert.equal(await log.state('s'), undefined, 'the ended one made room');
    const request = 'x'.repeat(4000);
    const open = { type: 'open', owner: 'local', request, createdAt: 7 } as const;
    assert.deepEqual(await log.create({ id: 'v', open }), { type: 'full' });
    assert.notEqual(await log.state('t'), undefined);
    const next = (await log.state('t'))!.tail;
    assert.equal((await log.append('t', { after: next, records: [ending] })).type, 'appended');
    assert.deepEqual(await log.create({ id: 'v', open }), { type: 'created' });
    assert.equal(await log.state('t'), undefined);
  });

  it('everything about a stream that is not there says gone', async (log) => {
    assert.deepEqual(await log.acquire('none', 'p', leaseMs), { type: 'gone' });
    assert.deepEqual(await log.append('none', { after: logStart, records: [ending] }), { type: 'gone' });
    assert.deepEqual(await log.renew('none', 'p', leaseMs), { held: false, stopRequested: false });
    await log.release('none', 'p');
    await log.delete('none');
  });

  it('several appends that are not waited for are written in their order, or not at all (2)', async (log) => {
    const tail = await begin(log);
    const second = { epoch: tail.epoch, sequence: tail.sequence + 1 };
    const results = await Promise.all([
      log.append('s', { after: tail, records: [say('a')] }),
      log.append('s', { after: second, records: [say('b')] }),
      log.append('s', { after: second, records: [say('too late')] }),
    ]);
    assert.deepEqual(
      results.map(({ type }) => type),
      ['appended', 'appended', 'fenced'],
    );
    assert.deepEqual(
      (await readAll(log, 's')).slice(2).map(({ record }) => record),
      [say('a'), say('b')],
    );
  });

  it('a reader that is woken finds the entry it waited for (3, 5)', async (log) => {
    const tail = await begin(log);
    const signal = new AbortController().signal;
    const reading = Array.from({ length: 3 }, async () => {
      await log.wait('s', tail, signal);
      return log.read('s', tail, all);
    });
    await append(log, tail, say('a'));
    for (const result of await Promise.all(reading)) {
      assert.ok(result.type === 'entries');
      assert.deepEqual(
        result.entries.map(({ record }) => record),
        [say('a')],
      );
    }
  });

  itAgain(
    'a store that is opened again has every entry under its id, and the endings (3)',
    async (log, again) => {
      const inConversation = { ...newStream('r').open, conversation: 'c' };
      await log.create({ id: 'r', open: inConversation });
      await log.create({ id: 's', open: inConversation, idempotencyKey: 'k' });
      await log.requestStop('r');
      const acquired = await log.acquire('s', 'p1', leaseMs);
      assert.ok(acquired.type === 'acquired');
      const open = await append(log, acquired.tail, say('水'), say('b'));
      await begin(log, 't');
      const failed = { type: 'end', ending: { type: 'failed', code: 'truncated', message: 'cut' } } as const;
      const other = (await log.state('t'))!.tail;
      await log.append('t', { after: other, records: [say('c'), failed] });
      const entries = await readAll(log, 's');
      const ended = await readAll(log, 't');

      const reopened = await again();
      assert.deepEqual(await readAll(reopened, 's'), entries);
      assert.deepEqual(await readAll(reopened, 't'), ended);
      assert.deepEqual((await reopened.state('t'))?.ending, failed.ending);
      assert.deepEqual(await reopened.state('s'), {
        id: 's',
        owner: 'local',
        createdAt: 7,
        tail: open,
        ending: undefined,
      });
      assert.equal(await reopened.newest('local', 'c'), 's');
      const made = await reopened.create(newStream('new', { idempotencyKey: 'k' }));
      assert.deepEqual(made, { type: 'exists', id: 's' });
      await assert.rejects(reopened.create(newStream('t')), RangeError);
    },
  );

  itAgain('any text comes back as it was, from memory and from the file (3)', async (log, again) => {
    const odd = [
      '',
      '\u0000',
      'a\u0000b',
      '\ud800',
      'x\udc00y',
      '\u2028\u2029',
      '\ufeff{',
      '\r\n"\\',
      '😀',
      '\u00ff',
    ];
    const name = odd.join('|');
    const owner = 'ü\u0000水';
    const open = { type: 'open', owner, request: name, createdAt: 7, conversation: name } as const;
    await log.create({ id: 's', open, idempotencyKey: name });
    const acquired = await log.acquire('s', name, leaseMs);
    assert.ok(acquired.type === 'acquired');
    const records = odd.map((data): LogRecord => ({ type: 'event', event: `e${data}`, data }));
    await append(log, acquired.tail, ...records);
    const check = async (store: StreamLog): Promise<void> => {
      const entries = await readAll(store, 's');
      assert.deepEqual(entries[0]?.record, open);
      assert.deepEqual(
        entries.slice(2).map(({ record }) => record),
        records,
      );
      assert.equal((await store.state('s'))?.owner, owner);
      assert.equal(await store.newest(owner, name), 's');
      assert.deepEqual(await store.made({ open, idempotencyKey: name }), { type: 'exists', id: 's' });
    };
    await check(log);
    await check(await again());
  });

  itAgain(
    'a stream of a process that is gone is abandoned, and numbered on in a new epoch (4)',
    async (log, again) => {
      const tail = await append(log, await begin(log), say('a'));
      time -= 500_000;
      const reopened = await again();
      time += leaseMs;
      assert.deepEqual(await reopened.abandoned(), ['s']);
      const acquired = await reopened.acquire('s', 'p2', leaseMs);
      assert.ok(acquired.type === 'acquired');
      assert.deepEqual(acquired.attempt, { type: 'attempt', number: 2, producer: 'p2' });
      assert.ok(acquired.tail.epoch > tail.epoch);
      assert.equal(acquired.tail.sequence, tail.sequence + 1);
      const zombie = await reopened.append('s', { after: tail, records: [say('zombie')] });
      assert.deepEqual(zombie, { type: 'fenced', tail: acquired.tail });
      await append(reopened, acquired.tail, say('b'), ending);
      const last = await again();
      assert.deepEqual(
        (await readAll(last, 's')).map(({ id, record }) => `${id.sequence} ${record.type}`),
        ['1 open', '2 attempt', '3 event', '4 attempt', '5 event', '6 end'],
      );
    },
  );

  itAgain(
    'a stop that a dead producer did not see ends the stream when it is opened again',
    async (log, again) => {
      await begin(log);
      assert.equal(await log.requestStop('s'), 'requested');
      const reopened = await again();
      time += leaseMs;
      assert.deepEqual(await reopened.acquire('s', 'p2', leaseMs), { type: 'ended' });
      assert.deepEqual((await reopened.state('s'))?.ending, { type: 'stopped' });
    },
  );

  itAgain('limits and times count on when a store is opened again (6)', async (log, again) => {
    const full = await append(log, await begin(log), say('x'.repeat(3500)));
    await begin(log, 't');
    const other = (await log.state('t'))!.tail;
    await log.append('t', { after: other, records: [ending] });
    await begin(log, 'u');
    const reopened = await again();
    const refused = await reopened.append('s', { after: full, records: [say('x'.repeat(1000))] });
    assert.deepEqual(refused, { type: 'full' });
    assert.deepEqual(await reopened.create(newStream('v')), { type: 'created' });
    assert.equal(await reopened.state('t'), undefined, 'the ended one made room');
    await append(reopened, full, ending);
    time += 5000;
    const last = await again();
    assert.equal(await last.state('s'), undefined);
    assert.notEqual(await last.state('u'), undefined);
    assert.deepEqual(await last.read('t', logStart, all), { type: 'gone' });
  });
}
