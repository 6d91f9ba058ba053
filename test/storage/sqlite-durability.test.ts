// What is left of a store whose process was killed, or whose disk failed. The processes are real ones.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Readable, Writable } from 'node:stream';
import { after, test } from 'node:test';
import { logStart } from 'millrace/storage';
import type { LogEntry, StreamLog } from 'millrace/storage';
import { SqliteStreamLog, StoreError } from 'millrace/storage/sqlite';
import { toStoreError } from '../../src/storage/sqlite-error.ts';

const folder = mkdtempSync(join(tmpdir(), 'millrace-durability-'));
after(() => rmSync(folder, { recursive: true }));

/** Takes every stream and appends to all of them, over and over; what was acknowledged it writes to stdout as
 * `<stream> <sequence>`, and an error by its code. */
const writer = `
import { writeSync } from 'node:fs';
import { SqliteStreamLog } from 'millrace/storage/sqlite';

process.on('SIGXFSZ', () => undefined);
const [file, limit] = process.argv.slice(2);
const log = SqliteStreamLog.open(file);
const write = async (id) => {
  await log.create({ id, open: { type: 'open', owner: 'o', request: '{}', createdAt: 0 } }).catch((error) => {
    if (!(error instanceof RangeError)) throw error;
  });
  let { tail: after } = await log.acquire(id, String(process.pid), 60_000);
  for (let size = 1; ; size = (size * 7) % 2003) {
    const at = after.sequence;
    const records = [1, 2, 3].map((more) => ({ type: 'event', data: [id, at + more, 'x'.repeat(size)].join(' ') }));
    const result = await log.append(id, { after, records });
    if (result.type !== 'appended') throw new Error(result.type);
    after = result.tail;
    writeSync(1, id + ' ' + after.sequence + '\\n');
  }
};
try {
  await Promise.all(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map(write));
} catch (error) {
  writeSync(1, 'error ' + error.code + '\\n');
  const state = await log.state('a').catch((error) => error);
  writeSync(1, 'state ' + (state.tail?.sequence ?? state.code) + '\\n');
  process.exit(0);
}
`;

type Writer = ChildProcessByStdio<Writable, Readable, null>;

/** Starts a process that writes, with no file larger than `maxFileKiB`. */
function startWriter(file: string, { maxFileKiB }: { maxFileKiB?: number } = {}): Writer {
  const limit = maxFileKiB === undefined ? '' : `ulimit -f ${maxFileKiB * 2}; `;
  const command = `${limit}exec "$0" --conditions=millrace-source --input-type=module - "$1"`;
  const child = spawn('sh', ['-c', command, process.execPath, file], {
    cwd: import.meta.dirname,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child.stdin.end(writer);
  child.stdout.setEncoding('utf8');
  return child;
}

/** Reads what the process says, and calls `onLine` with each whole line. */
async function readLines(child: Writer, onLine: (line: string) => void): Promise<void> {
  let rest = '';
  for await (const text of child.stdout as AsyncIterable<string>) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  }
}

async function readAll(log: StreamLog, id: string): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  for (;;) {
    const after = entries.at(-1)?.id ?? logStart;
    const result = await log.read(id, after, { maxEntries: 1000, maxBytes: 1_000_000 });
    if (result.type !== 'entries' || result.entries.length === 0) return entries;
    entries.push(...result.entries);
  }
}

/** Holds the store against what was acknowledged; returns how many entries it has. */
async function check(file: string, acknowledged: ReadonlyMap<string, number>): Promise<number> {
  await using log = SqliteStreamLog.open(file);
  let count = 0;
  for (const [id, sequence] of acknowledged) {
    const entries = await readAll(log, id);
    assert.ok(entries.length >= sequence, `${id}: ${entries.length} entries, and ${sequence} acknowledged`);
    let epoch = 0;
    for (const [index, entry] of entries.entries()) {
      assert.equal(entry.id.sequence, index + 1);
      if (entry.record.type === 'attempt')
        assert.ok(entry.id.epoch > epoch, 'each attempt has an epoch of its own');
      else if (index > 0) assert.equal(entry.id.epoch, epoch);
      epoch = entry.id.epoch;
      if (entry.record.type === 'event') assert.ok(entry.record.data.startsWith(`${id} ${index + 1} `));
    }
    count += entries.length;
  }
  return count;
}

test('SqliteStreamLog has all it acknowledged after each of fifteen kill -9 in the middle of its work', async () => {
  const file = join(folder, 'killed', 'relay.db');
  const acknowledged = new Map<string, number>();
  let count = 0;
  for (let round = 0; round < 15; round += 1) {
    const child = startWriter(file);
    let left = 1 + ((round * 379) % 1500);
    await readLines(child, (line) => {
      const [id = '', sequence] = line.split(' ');
      acknowledged.set(id, Number(sequence));
      left -= 1;
      if (left === 0) child.kill('SIGKILL');
    });
    assert.ok(left <= 0, 'the process wrote until it was killed');
    const counted = await check(file, acknowledged);
    assert.ok(counted > count);
    count = counted;
  }
  assert.ok(count > 5000, `${count} entries`);
});

test('SqliteStreamLog rejects what it cannot write, keeps what it acknowledged, and reads on', async () => {
  const file = join(folder, 'limited', 'relay.db');
  const acknowledged = new Map<string, number>();
  const said = new Map<string, string>();
  await readLines(startWriter(file, { maxFileKiB: 2048 }), (line) => {
    const [id = '', value = ''] = line.split(' ');
    if (id === 'error' || id === 'state') said.set(id, value);
    else acknowledged.set(id, Number(value));
  });
  assert.match(said.get('error') ?? '', /^(store_io_failed|disk_full)$/);
  assert.equal(Number(said.get('state')), acknowledged.get('a'), 'what was taken back is not seen');
  assert.ok((await check(file, acknowledged)) > 500);
  const again = startWriter(file);
  const [first] = (await once(again.stdout, 'data')) as [string];
  again.kill('SIGKILL');
  assert.match(first, /^[a-h] [0-9]+\n/, 'with room it goes on');
});

test('toStoreError() tells a full disk, by the error SQLite itself gives', () => {
  const database = new DatabaseSync(':memory:');
  database.exec('CREATE TABLE t (x); PRAGMA max_page_count = 2');
  assert.throws(
    () => database.exec('INSERT INTO t VALUES (zeroblob(100000))'),
    (error) => {
      const told = toStoreError(error, '/a/relay.db');
      assert.ok(told instanceof StoreError);
      assert.equal(told.code, 'disk_full');
      assert.match(
        told.message,
        /^Cannot write the store \/a\/relay\.db: the disk is full; .*\(database or disk is full\)$/,
      );
      assert.equal(told.cause, error);
      return true;
    },
  );
  database.close();
});
