import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryStreamLog } from 'millrace/storage';
import type { LogRecord } from 'millrace/storage';
import { logRecords } from '../../src/relay/log-records.ts';

test('logRecords() gives all records as far as the tail, and lets others have their turn between two batches', async () => {
  await using log = new MemoryStreamLog();
  await log.create({ id: 's', open: { type: 'open', owner: 'local', request: '{}', createdAt: 0 } });
  const acquired = await log.acquire('s', 'p', 5000);
  assert.ok(acquired.type === 'acquired');
  const records = Array.from({ length: 3000 }, (_, index): LogRecord => ({
    type: 'event',
    data: `${index}`,
  }));
  const appended = await log.append('s', { after: acquired.tail, records });
  assert.ok(appended.type === 'appended');
  let turns = 0;
  const said: LogRecord[] = [];
  const turnsBefore: number[] = [];
  const count = (): void => {
    turns += 1;
    if (said.length < records.length) setImmediate(count);
  };
  setImmediate(count);
  for await (const batch of logRecords(log, 's', appended.tail)) {
    said.push(...batch);
    turnsBefore.push(turns);
  }
  assert.deepEqual(said.slice(2), records);
  assert.equal(new Set(turnsBefore).size, turnsBefore.length);
  assert.ok(turnsBefore.length > 2);
});
