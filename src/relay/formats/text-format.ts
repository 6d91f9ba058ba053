// Plain text for a page of thirty lines: each piece of text as a JSON string, so that a line break in it breaks no
// frame, then one `done`, `stopped` or `error`.

import { encodeSse, MessageAccumulator, parseStreamEvent, ProtocolError } from '../../protocol/index.ts';
import type { TextDelta } from '../../protocol/index.ts';
import { formatEntryId } from '../../storage/index.ts';
import type { EntryId, EventRecord, LogEnding, LogEntry } from '../../storage/index.ts';
import type { Encoder } from '../reader.ts';

/** What is worth asking again. */
const retryableCodes = new Set([
  'api_error',
  'connection_failed',
  'overloaded_error',
  'rate_limit_error',
  'timeout_error',
  'truncated',
]);

export function createTextEncoder(): Encoder {
  const accumulator = new MessageAccumulator();
  // A frame of the log was no event: that has been said, and what follows it means nothing here.
  let isBroken = false;
  const frame = (id: EntryId, event: string, value: unknown) =>
    encodeSse({ id: formatEntryId(id), event, data: JSON.stringify(value) });
  const encodeEvent = (id: EntryId, record: EventRecord): string => {
    const event = parseStreamEvent(record);
    accumulator.push(event);
    const isText = event.type === 'content_block_delta' && event.delta.type === 'text_delta';
    return isText ? frame(id, 'text', (event.delta as TextDelta).text) : '';
  };
  return {
    // `done` tells the usage, which the first event begins.
    needsHistory: true,
    encode: ({ id, record }: LogEntry): string => {
      if (isBroken) return '';
      if (record.type === 'rewind') return frame(id, 'reset', { from: record.fromIndex });
      if (record.type === 'end') return frame(id, ...lastFrame(record.ending, accumulator));
      if (record.type !== 'event') return '';
      try {
        return encodeEvent(id, record);
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error;
        isBroken = true;
        return frame(id, ...failure(error.code, error.message));
      }
    },
    // The standard has comments for this; the readers this format is for pass over events they do not know.
    ping: () => ': ping\n\n',
    gone: () => {
      const [event, value] = failure('stream_gone', 'The stream was deleted');
      return encodeSse({ event, data: JSON.stringify(value) });
    },
    reset: () => encodeSse({ event: 'reset', data: JSON.stringify({ from: 0 }) }),
  };
}

function lastFrame(ending: LogEnding, { message }: MessageAccumulator): [event: string, value: unknown] {
  if (ending.type === 'complete')
    return ['done', { usage: message?.usage, stop_reason: message?.stop_reason }];
  if (ending.type === 'stopped') return ['stopped', {}];
  return failure(ending.code, ending.message);
}

function failure(code: string, message: string): [event: string, value: unknown] {
  return ['error', { code, message, retryable: retryableCodes.has(code) }];
}
