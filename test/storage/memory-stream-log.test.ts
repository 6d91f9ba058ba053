import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryStreamLog } from 'millrace/storage';
import { testStreamLog } from '../contract/stream-log.ts';

testStreamLog({ name: 'MemoryStreamLog', open: async (options) => new MemoryStreamLog(options) });

test('MemoryStreamLog refuses an id that is in use', async () => {
  await using log = new MemoryStreamLog();
  const open = { type: 'open', owner: 'local', request: '{}', createdAt: 0 } as const;
  await log.create({ id: 's', open });
  await assert.rejects(() => log.create({ id: 's', open }), RangeError);
});
