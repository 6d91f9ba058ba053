import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { MemoryQuotas } from 'millrace/storage';
import { SqliteStreamLog } from 'millrace/storage/sqlite';
import { testQuotaStore } from '../contract/quota-store.ts';

testQuotaStore({
  name: 'MemoryQuotas',
  open: async () => ({ quotas: new MemoryQuotas(), [Symbol.asyncDispose]: async () => undefined }),
});

const folder = mkdtempSync(join(tmpdir(), 'millrace-quotas-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;
const lastFile = (): string => join(folder, `${files}.db`);

testQuotaStore({
  name: 'SqliteStreamLog',
  open: async () => {
    files += 1;
    return SqliteStreamLog.open(lastFile());
  },
  reopen: async () => SqliteStreamLog.open(lastFile()),
});
