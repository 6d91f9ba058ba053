import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { MemoryConversations } from 'millrace/storage';
import { SqliteStreamLog } from 'millrace/storage/sqlite';
import { testConversationStore } from '../contract/conversation-store.ts';

testConversationStore({
  name: 'MemoryConversations',
  open: async (limits) => ({
    conversations: new MemoryConversations(limits),
    [Symbol.asyncDispose]: async () => undefined,
  }),
});

const folder = mkdtempSync(join(tmpdir(), 'millrace-store-'));
after(() => rmSync(folder, { recursive: true }));
let files = 0;
const lastFile = (): string => join(folder, `${files}.db`);

testConversationStore({
  name: 'SqliteStreamLog',
  open: async (limits) => {
    files += 1;
    return SqliteStreamLog.open(lastFile(), limits);
  },
  reopen: async (limits) => SqliteStreamLog.open(lastFile(), limits),
});
