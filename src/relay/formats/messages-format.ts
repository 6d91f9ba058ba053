// The Messages API's own stream. With ids every entry is a frame, so that the sequence a reader sees is dense; the
// relay's own records are events of the type `millrace`, which clients of the API pass over. Without ids, as
// `/v1/messages` needs it, only what the API itself would send.

import { encodeSse } from '../../protocol/index.ts';
import type { ServerSentEvent } from '../../protocol/index.ts';
import { formatEntryId } from '../../storage/index.ts';
import type { EntryId, EventRecord, LogEnding, LogEntry, LogRecord } from '../../storage/index.ts';
import type { Encoder } from '../encoder.ts';
import { errorEvent, ownEvent } from './own-events.ts';

/** The same entry is the same frame for every reader, wherever it joins: there is no state but the option. */
export function createMessagesEncoder(options: { withIds: boolean }): Encoder {
  return new MessagesEncoder(options);
}

/** A class, as there is one for each reader: an object of closures takes a kilobyte more. */
class MessagesEncoder implements Encoder {
  readonly needsHistory = false;
  readonly #withIds: boolean;
  #hasEnded = false;

  constructor({ withIds }: { withIds: boolean }) {
    this.#withIds = withIds;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  encode({ id, record }: LogEntry): string {
    // Without ids nothing can be taken back.
    if (record.type === 'rewind' && !this.#withIds) {
      this.#hasEnded = true;
      return encodeSse(errorFrame(withdrawn));
    }
    const frame = record.type === 'event' ? eventFrame(record) : frameOf(record, this.#withIds);
    if (frame === undefined) return '';
    return encodeSse(this.#withIds ? { id: formatEntryId(id), ...frame } : frame);
  }

  ping(): string {
    return 'event: ping\ndata: {"type": "ping"}\n\n';
  }

  reconnect(): string | undefined {
    return this.#withIds ? encodeSse(ownFrame({ type: 'reconnect' })) : undefined;
  }

  waiting(position: number): string {
    return this.#withIds ? encodeSse(ownFrame({ type: 'waiting', position })) : '';
  }

  failed(...[code, message]: Parameters<Encoder['failed']>): string {
    return encodeSse(errorFrame({ type: 'failed', code, message }));
  }

  reset(from: EntryId): string | undefined {
    return this.#withIds ? encodeSse(ownFrame({ type: 'reset', from: formatEntryId(from) })) : undefined;
  }
}

type Frame = Readonly<Pick<ServerSentEvent, 'event' | 'data'>>;

function eventFrame({ event, data }: EventRecord): Frame {
  // No decoder gives a name with a line break, and no frame could hold one.
  const name = event === undefined || /[\r\n]/.test(event) ? undefined : event;
  return { event: name, data };
}

function frameOf(record: Exclude<LogRecord, EventRecord>, withIds: boolean): Frame | undefined {
  if (record.type === 'end' && record.ending.type !== 'complete' && record.saidByUpstream !== true)
    return errorFrame(record.ending);
  return withIds ? ownFrame(record) : undefined;
}

function ownFrame(record: Parameters<typeof ownEvent>[0]): Frame {
  return { event: 'millrace', data: JSON.stringify(ownEvent(record)) };
}

const withdrawn = {
  type: 'failed',
  code: 'rewound',
  message: 'The answer broke off, and a part of it that was sent already is written anew: ask again',
} as const;

function errorFrame(ending: Exclude<LogEnding, { type: 'complete' }>): Frame {
  return { event: 'error', data: JSON.stringify(errorEvent(ending)) };
}
