// The door of storage.

export type * from './conversation-store.ts';
export { MemoryConversations } from './memory-conversations.ts';
export { formatEntryId, isSameEntry, logStart, parseEntryId } from './entry-id.ts';
export type { EntryId } from './entry-id.ts';
export type * from './log-record.ts';
export { MemoryStreamLog } from './memory-stream-log.ts';
export type { MemoryStreamLogOptions } from './memory-stream-log.ts';
export { MemoryQuotas } from './memory-quotas.ts';
export type * from './quota-store.ts';
export type * from './stream-log.ts';
