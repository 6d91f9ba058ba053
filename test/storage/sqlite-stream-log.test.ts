// What logs in a file do beside what every backend does.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { logStart } from 'millrace/storage';
import type { EntryId, LogEntry, LogRecord, StreamLog } from 'millrace/storage';
import { SqliteStreamLog, StoreError } from 'millrace/storage/sqlite';
import type { SqliteStreamLogOptions, StoreErrorCode } from 'millrace/storage/sqlite';
import { testStreamLog } from '../contract/stream-log.ts';
import { turnsUntil } from '../support/turns.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-store-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;
const newFile = (): string => join(folder, `${(files += 1)}`, 'relay.db');

let last = '';
testStreamLog({
  name: 'SqliteStreamLog',
  open: async (options) => SqliteStreamLog.open((last = newFile()), options),
  reopen: async (options) => SqliteStreamLog.open(last, options),
});

const ending: LogRecord = { type: 'end', ending: { type: 'complete' } };
const say = (data: string): LogRecord => ({ type: 'event', event: 'content_block_delta', data });

async function begin(log: StreamLog, id: string): Promise<EntryId> {
  await log.create({ id, open: { type: 'open', owner: 'local', request: '{}', createdAt: 0 } });
  const acquired = await log.acquire(id, 'p', 60_000);
  assert.ok(acquired.type === 'acquired');
  return acquired.tail;
}

async function append(log: StreamLog, id: string, ...records: LogRecord[]): Promise<void> {
  const { tail } = (await log.state(id))!;
  const result = await log.append(id, { after: tail, records });
  assert.equal(result.type, 'appended');
}

async function readAll(log: StreamLog, id: string, maxEntries = 1000): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  for (;;) {
    const after = entries.at(-1)?.id ?? logStart;
    const result = await log.read(id, after, { maxEntries, maxBytes: 1_000_000 });
    assert.ok(result.type === 'entries', result.type);
    if (result.entries.length === 0) return entries;
    entries.push(...result.entries);
  }
}

const dataOf = (entries: readonly LogEntry[]): string[] =>
  entries.flatMap(({ record }) => (record.type === 'event' ? [record.data] : []));

function refusal(file: string, options?: SqliteStreamLogOptions): StoreError {
  try {
    SqliteStreamLog.open(file, options);
  } catch (error) {
    assert.ok(error instanceof StoreError);
    assert.ok(error.message.includes(file), error.message);
    return error;
  }
  assert.fail('the store was opened');
}

test('SqliteStreamLog gives the same entries whatever the batches, the reads and the restarts', async () => {
  const batches = fc.array(
    fc.record({
      stream: fc.nat({ max: 3 }),
      texts: fc.array(fc.string({ unit: 'binary', maxLength: 30 }), { minLength: 1, maxLength: 4 }),
      bytes: fc.constantFrom(0, 0, 0, 5000, 100_000),
      then: fc.constantFrom('go on', 'go on', 'go on', 'reopen'),
    }),
    { maxLength: 60 },
  );
  await fc.assert(
    fc.asyncProperty(batches, fc.integer({ min: 1, max: 300 }), async (batches, maxEntries) => {
      const file = newFile();
      let log = SqliteStreamLog.open(file);
      try {
        const said: string[][] = [[], [], [], []];
        for (const id of said.keys()) await begin(log, String(id));
        for (const { stream, texts, bytes, then } of batches) {
          const data = texts.map((text) => text + 'x'.repeat(bytes));
          await append(log, String(stream), ...data.map(say));
          said[stream]?.push(...data);
          if (then === 'go on') continue;
          await log[Symbol.asyncDispose]();
          log = SqliteStreamLog.open(file);
        }
        for (const [id, data] of said.entries()) {
          const entries = await readAll(log, String(id), maxEntries);
          assert.deepEqual(dataOf(entries), data);
          assert.deepEqual(
            entries.map(({ id }) => id.sequence),
            Array.from({ length: data.length + 2 }, (_, index) => index + 1),
          );
        }
      } finally {
        await log[Symbol.asyncDispose]();
      }
    }),
    { numRuns: 15 },
  );
});

test('SqliteStreamLog has the entries of many busy streams and of a slow one, in memory or not', async () => {
  const file = newFile();
  const said = (turn: number): string => `${turn} ${'x'.repeat(1000)}`;
  {
    await using log = SqliteStreamLog.open(file);
    const ids = Array.from({ length: 30 }, (_, index) => String(index));
    for (const id of ids) await begin(log, id);
    await begin(log, 'slow');
    await append(log, 'slow', say('once'));
    // More than memory keeps of them.
    for (let turn = 0; turn < 1000; turn += 1) {
      await Promise.all(ids.map((id) => append(log, id, say(said(turn)))));
    }
    for (const id of ['0', '29']) {
      assert.deepEqual(
        dataOf(await readAll(log, id)),
        Array.from({ length: 1000 }, (_, turn) => said(turn)),
      );
    }
    assert.deepEqual(dataOf(await readAll(log, 'slow')), ['once']);
  }
  await using log = SqliteStreamLog.open(file);
  assert.deepEqual(dataOf(await readAll(log, '7')).length, 1000);
  assert.deepEqual(dataOf(await readAll(log, 'slow')), ['once']);
});

test('SqliteStreamLog has what is new of each stream, however much others say', async () => {
  const file = newFile();
  const ids = Array.from({ length: 40 }, (_, index) => String(index));
  const big = 'x'.repeat(1_000_000);
  {
    await using log = SqliteStreamLog.open(file);
    for (const id of ids) {
      await begin(log, id);
      await append(log, id, say(big));
      await append(log, id, say(`behind ${id}`));
    }
    for (const id of ids) await append(log, id, say(`last of ${id}`));
    for (const id of ids)
      assert.deepEqual(dataOf(await readAll(log, id)), [big, `behind ${id}`, `last of ${id}`]);
  }
  await using log = SqliteStreamLog.open(file);
  for (const id of ids)
    assert.deepEqual(dataOf(await readAll(log, id)), [big, `behind ${id}`, `last of ${id}`]);
});

test('SqliteStreamLog keeps its journal short, also when one stream says nothing for long', async () => {
  const file = newFile();
  {
    await using log = SqliteStreamLog.open(file);
    await begin(log, 'slow');
    await append(log, 'slow', say('once'));
    let after = await begin(log, 'busy');
    for (let turn = 0; turn < 80; turn += 1) {
      const appends = Array.from({ length: 1000 }, (_, index) => {
        const { epoch, sequence } = after;
        return log.append('busy', { after: { epoch, sequence: sequence + index }, records: [say('x')] });
      });
      const last = (await Promise.all(appends)).at(-1);
      assert.ok(last?.type === 'appended');
      after = last.tail;
    }
  }
  const database = new DatabaseSync(file);
  const counted = database.prepare('SELECT sum(json_array_length(batches)) AS batches FROM journal').get();
  database.close();
  assert.ok(Number(counted?.['batches']) < 70_000, `${String(counted?.['batches'])} batches`);
  await using log = SqliteStreamLog.open(file);
  assert.deepEqual(dataOf(await readAll(log, 'slow')), ['once']);
  assert.equal((await readAll(log, 'busy')).length, 80_002);
});

test('SqliteStreamLog shows nothing of a turn before it is committed', async () => {
  await using log = SqliteStreamLog.open(newFile());
  const tail = await begin(log, 's');
  const countOf = async (): Promise<number | string> => {
    const result = await log.read('s', tail, { maxEntries: 9, maxBytes: 9999 });
    return result.type === 'entries' ? result.entries.length : result.type;
  };
  const appending = log.append('s', { after: tail, records: [say('a')] });
  const created = log.create({ id: 't', open: { type: 'open', owner: 'o', request: '{}', createdAt: 0 } });
  assert.equal(await countOf(), 0);
  assert.deepEqual((await log.state('s'))?.tail, tail);
  assert.equal(await log.state('t'), undefined);
  await appending;
  assert.equal(await countOf(), 1);
  assert.deepEqual(await created, { type: 'created' });
});

test('SqliteStreamLog refuses a file that is open, names it, and opens it when it is free', async () => {
  const file = newFile();
  const first = SqliteStreamLog.open(file);
  await begin(first, 's');
  const { code, message } = refusal(file);
  assert.equal(code, 'store_in_use');
  assert.match(message, /another process has it open/);
  await append(first, 's', ending);
  const program = `
    import { SqliteStreamLog } from 'millrace/storage/sqlite';
    try { SqliteStreamLog.open(${JSON.stringify(file)}); } catch (error) { console.log(error.code); }`;
  const elsewhere = spawnSync(
    process.execPath,
    ['--conditions=millrace-source', '--input-type=module', '-'],
    {
      input: program,
      encoding: 'utf8',
      cwd: import.meta.dirname,
    },
  );
  assert.equal(elsewhere.stdout.trim(), 'store_in_use', elsewhere.stderr);
  await first[Symbol.asyncDispose]();
  await using second = SqliteStreamLog.open(file);
  assert.equal((await second.state('s'))?.ending?.type, 'complete');
});

test('SqliteStreamLog makes its folder and files for their owner alone, also where they were open to others', async () => {
  const file = newFile();
  const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);
  {
    await using log = SqliteStreamLog.open(file);
    await begin(log, 's');
    assert.deepEqual([modeOf(join(file, '..')), modeOf(file), modeOf(`${file}-wal`)], ['700', '600', '600']);
    assert.equal(existsSync(`${file}-shm`), false);
  }
  spawnSync('chmod', ['644', file]);
  await using log = SqliteStreamLog.open(file);
  await begin(log, 't');
  assert.deepEqual([modeOf(file), modeOf(`${file}-wal`)], ['600', '600']);
});

const change = (file: string, statement: string): void => {
  const database = new DatabaseSync(file);
  database.exec(statement);
  database.close();
};

/** Makes the tables what they were in version 3. */
const toVersion3 = `
  DROP TABLE quota;
  PRAGMA user_version = 3;
`;

const toVersion2 = `
  ${toVersion3}
  ALTER TABLE journal RENAME TO journal_3;
  CREATE TABLE journal (
    row INTEGER PRIMARY KEY, stream INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, records TEXT NOT NULL
  ) STRICT;
  INSERT INTO journal
    SELECT journal_3.row + key, value ->> 0, value ->> 1, (value ->> 1) + json_array_length(value, '$[2]') - 1, value -> 2
    FROM journal_3, json_each(batches);
  DROP TABLE journal_3;
  PRAGMA user_version = 2;
`;

const toVersion1 = `
  ${toVersion2}
  ALTER TABLE stream DROP COLUMN conversation;
  DROP TABLE conversation;
  DROP TABLE turn;
  PRAGMA user_version = 1;
`;

for (const [version, toVersion] of [toVersion1, toVersion2, toVersion3].entries()) {
  test(`SqliteStreamLog.open() of a file of version ${version + 1} keeps its streams, and takes conversations and quotas`, async () => {
    const file = newFile();
    {
      await using log = SqliteStreamLog.open(file);
      await begin(log, 's');
      const after = await begin(log, 'open');
      await Promise.all([
        append(log, 's', say('a'), ending),
        log.append('open', { after, records: [say('b'), say('c')] }),
      ]);
      await append(log, 'open', say('d'));
    }
    change(file, toVersion);
    for (const id of ['t', 'u']) {
      await using log = SqliteStreamLog.open(file);
      assert.equal((await readAll(log, 's')).length, 4);
      assert.deepEqual(dataOf(await readAll(log, 'open')), ['b', 'c', 'd']);
      const open = { type: 'open', owner: 'local', request: '{}', createdAt: 0, conversation: 'c' } as const;
      await log.create({ id, open });
      assert.equal(await log.newest('local', 'c'), id);
      assert.equal((await log.conversations.list('local', { limit: 1 })).length, 0);
      await log.quotas.put(1, new Map([['local', { tokens: 1, cost: 1 }]]));
      assert.equal((await log.quotas.taken(1)).size, 1);
    }
  });
}

const wrongFiles: readonly [
  what: string,
  code: StoreErrorCode,
  said: RegExp,
  spoil: (file: string) => void,
][] = [
  ['no database', 'store_foreign', /no store of Millrace/, (file) => writeFileSync(file, 'x'.repeat(5000))],
  [
    'another program’s database',
    'store_foreign',
    /no store of Millrace/,
    (file) => {
      rmSync(file);
      change(file, 'CREATE TABLE bookmark (url TEXT)');
    },
  ],
  [
    'one of a newer version',
    'store_too_new',
    /newer version.*version 99 of the tables, and this is version 4/,
    (file) => change(file, 'PRAGMA user_version = 99'),
  ],
  ['one that was cut', 'store_damaged', /damaged; move it/, (file) => truncateSync(file, 4096 * 3)],
  [
    'one that lacks entries',
    'store_damaged',
    /stream 1 lacks entry/,
    (file) => change(file, "DELETE FROM journal WHERE batches ->> '$[0][1]' = 3"),
  ],
  [
    'one without one of its tables',
    'store_damaged',
    /damaged; move it.*no such table: journal/,
    (file) => change(file, 'DROP TABLE journal'),
  ],
  [
    'one with records that are none',
    'store_damaged',
    /damaged; move it/,
    (file) => change(file, `UPDATE journal SET batches = '[' WHERE batches ->> '$[0][1]' = 3`),
  ],
];

for (const [what, code, said, spoil] of wrongFiles) {
  test(`SqliteStreamLog.open() of ${what} throws ${code}, names the file, and leaves it as it is`, async () => {
    const file = newFile();
    {
      await using log = SqliteStreamLog.open(file);
      await begin(log, 's');
      await append(log, 's', say('a'));
      await append(log, 's', say('b'));
    }
    spoil(file);
    // The first hundred bytes count accesses.
    const pagesOf = () => readFileSync(file).subarray(100);
    const before = pagesOf();
    const error = refusal(file);
    assert.equal(error.code, code);
    assert.match(error.message, said);
    assert.deepEqual(pagesOf(), before);
    assert.equal(refusal(file).code, code, 'it is not taken for one in use');
  });
}

test('SqliteStreamLog.open() says where the system does not let it make the file', () => {
  writeFileSync(join(folder, 'file'), '');
  const error = refusal(join(folder, 'file', 'below', 'relay.db'));
  assert.equal(error.code, 'store_not_opened');
  assert.match(error.message, /ENOTDIR/);
});

test('SqliteStreamLog reads a damaged chunk as an error that names the file', async () => {
  for (const damage of [
    `UPDATE chunk SET records = '['`,
    `UPDATE chunk SET records = '[]'`,
    `UPDATE chunk SET records = json_remove(records, '$[2]')`,
    'DELETE FROM chunk',
  ]) {
    const file = newFile();
    {
      await using log = SqliteStreamLog.open(file);
      await begin(log, 's');
      await append(log, 's', say('a'), ending);
    }
    change(file, damage);
    await using log = SqliteStreamLog.open(file);
    const reading = async () => log.read('s', logStart, { maxEntries: 9, maxBytes: 9999 });
    await assert.rejects(reading, { name: 'StoreError', code: 'store_damaged', file }, damage);
  }
});

test('SqliteStreamLog that was closed says so, and wakes who waits', async () => {
  const log = SqliteStreamLog.open(newFile());
  const tail = await begin(log, 's');
  const waiting = log.wait('s', tail, new AbortController().signal);
  const appending = log.append('s', { after: tail, records: [say('a')] });
  await log[Symbol.asyncDispose]();
  assert.equal((await appending).type, 'appended', 'what waits for its turn is committed');
  await waiting;
  await assert.rejects(log.state('s'), { name: 'StoreError', code: 'store_closed' });
  await assert.rejects(log.append('s', { after: tail, records: [ending] }), { code: 'store_closed' });
  await log[Symbol.asyncDispose]();
});

test('SqliteStreamLog deletes what has run out in small steps, and gives the space back', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const file = newFile();
  let time = 1_000_000;
  const errors: unknown[] = [];
  const onError = (error: unknown): unknown => errors.push(error);
  const log = SqliteStreamLog.open(file, { now: () => time, keepMs: 1000, onError });
  for (const id of ['a', 'b']) {
    await begin(log, id);
    for (let count = 0; count < 100; count += 1) await append(log, id, say('x'.repeat(40_000)));
    await append(log, id, ending);
  }
  await begin(log, 'open');
  await append(log, 'open', say('stays'));
  time += 1000;
  let steps = 0;
  await turnsUntil(() => {
    t.mock.timers.tick(10_000);
    steps += 1;
    return steps > 200;
  });
  assert.ok(log.totalBytes < 2000, `${log.totalBytes}`);
  await log[Symbol.asyncDispose]();
  assert.deepEqual(errors, []);
  assert.ok(statSync(file).size < 1_000_000, `${statSync(file).size}`);
  await using again = SqliteStreamLog.open(file, { now: () => time });
  assert.deepEqual(dataOf(await readAll(again, 'open')), ['stays']);
  await assert.doesNotReject(begin(again, 'a'));
});
