import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryStreamLog } from 'millrace/storage';
import type { LogRecord } from 'millrace/storage';
import { testStreamLog } from '../contract/stream-log.ts';

testStreamLog({ name: 'MemoryStreamLog', open: async (options) => new MemoryStreamLog(options) });

const ending: LogRecord = { type: 'end', ending: { type: 'complete' } };

async function begin(log: MemoryStreamLog, id: string): Promise<void> {
  await log.create({ id, open: { type: 'open', owner: 'local', request: '{}', createdAt: 0 } });
}

async function end(log: MemoryStreamLog, id: string): Promise<void> {
  const { tail: after } = (await log.state(id))!;
  await log.append(id, { after, records: [ending] });
}

test('MemoryStreamLog drops a log whose time has run out, also behind an older one that is still open', async () => {
  let time = 0;
  await using log = new MemoryStreamLog({ now: () => time, keepMs: 1000 });
  await begin(log, 'open');
  const openBytes = log.totalBytes;
  await begin(log, 'ended');
  await end(log, 'ended');
  time += 1000;
  await begin(log, 'next');
  assert.equal(log.totalBytes, 2 * openBytes);
});

test('MemoryStreamLog counts what a log takes: each entry, and two bytes for text that needs them', async () => {
  const sizeOf = async (data: string, event?: string) => {
    await using log = new MemoryStreamLog();
    await begin(log, 's');
    const before = log.totalBytes;
    const { tail: after } = (await log.state('s'))!;
    await log.append('s', { after, records: [{ type: 'event', event, data }] });
    return log.totalBytes - before;
  };
  const empty = await sizeOf('');
  assert.ok(empty >= 300, `${empty}`);
  assert.equal((await sizeOf('für')) - empty, 3);
  assert.equal((await sizeOf('水車')) - empty, 4);
  assert.equal(await sizeOf('', 'content_block_delta'), empty);
  assert.ok((await sizeOf('', 'x'.repeat(10_000))) - empty >= 10_000);
});

test('MemoryStreamLog gives its bytes back with the last stream', async () => {
  await using log = new MemoryStreamLog();
  await begin(log, 's');
  await end(log, 's');
  await log.delete('s');
  assert.equal(log.totalBytes, 0);
});
