// Holds a tool's call back until it is whole. What nobody has seen can be made anew when it breaks off, also in a
// format that takes nothing back. What comes meanwhile waits behind it, so that the order stays.

import { parseStreamEvent, ProtocolError } from '../protocol/index.ts';
import type { ContentBlock, StreamEvent } from '../protocol/index.ts';
import type { EventRecord, LogRecord } from '../storage/index.ts';

/** Far above a tool's input; what is longer is shown as it comes. */
const maxHeldCharacters = 4 * 1024 * 1024;

interface Held {
  /** Of the block that is not whole. */
  readonly index: number;
  readonly records: LogRecord[];
  characters: number;
}

export class ToolHold {
  #held: Held | undefined;

  /** The records that can be shown now. */
  push(records: readonly LogRecord[]): LogRecord[] {
    const shown: LogRecord[] = [];
    for (const record of records) shown.push(...this.#take(record));
    return shown;
  }

  /** Forgets what is held: it broke off. */
  drop(): void {
    this.#held = undefined;
  }

  #take(record: LogRecord): readonly LogRecord[] {
    const held = (this.#held ??= heldBy(record));
    if (held === undefined) return [record];
    if (record.type === 'rewind') {
      this.drop();
      // Of what is withdrawn nothing was shown.
      return record.fromIndex >= held.index ? [] : [record];
    }
    held.records.push(record);
    held.characters += record.type === 'event' ? record.data.length : 0;
    if (!isEnd(record) && held.characters <= maxHeldCharacters) return [];
    this.drop();
    return held.records;
  }
}

/** Undefined for what does not begin a tool's call. */
function heldBy(record: LogRecord): Held | undefined {
  const event = eventOf(record, ['content_block_start']);
  if (event?.type !== 'content_block_start') return undefined;
  const { index, content_block: block } = event as { index: number; content_block: ContentBlock };
  return block.type.endsWith('tool_use') ? { index, records: [], characters: 0 } : undefined;
}

/** A gateway may leave out the block's end. */
function isEnd(record: LogRecord): boolean {
  const types = ['content_block_stop', 'message_stop'];
  return types.includes(eventOf(record, types)?.type ?? '');
}

/** The event of a record that may be one of these types; frames without a name have it in their data alone. */
function eventOf(record: LogRecord, types: readonly string[]): StreamEvent | undefined {
  if (record.type !== 'event') return undefined;
  const { event, data } = record satisfies EventRecord;
  if (!types.some((type) => (event === undefined ? data.includes(type) : event === type))) return undefined;
  try {
    return parseStreamEvent(record);
  } catch (error) {
    // It passes as it is: who reads it says what is wrong with it.
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}
