// Plain text for a page of thirty lines: each piece of text as a JSON string, so that a line break in it breaks no
// frame, then one `done`, `stopped` or `error`.

import { encodeSse, MessageAccumulator, parseStreamEvent, ProtocolError } from '../../protocol/index.ts';
import type { TextBlock, TextDelta } from '../../protocol/index.ts';
import { formatEntryId } from '../../storage/index.ts';
import type { EntryId, EventRecord, LogEnding, LogEntry, LogRecord } from '../../storage/index.ts';
import type { Encoder } from '../encoder.ts';

/** What is worth asking again. */
const retryableCodes = new Set([
  'api_error',
  'connection_failed',
  'interrupted',
  'overloaded_error',
  'queue_timeout',
  'log_diverged',
  'rate_limit_error',
  'storage_failed',
  'timeout_error',
  'truncated',
]);

/** The data of a frame, before it is JSON. */
type TextFrame = readonly [event: string, value: unknown];

export function createTextEncoder(): Encoder {
  let accumulator = new MessageAccumulator();
  // The error that a broken frame of the log was answered with. What follows it means nothing here, and the end of
  // the log says it again: who comes back after the error must not find an empty stream.
  let failure: TextFrame | undefined;
  const frameOf = (record: LogRecord): TextFrame | undefined => {
    if (failure !== undefined) return record.type === 'end' ? failure : undefined;
    if (record.type === 'event') return textOf(record, accumulator);
    if (record.type === 'end') return lastFrame(record.ending, accumulator);
    return record.type === 'rewind' ? rewind(record.fromIndex, accumulator) : undefined;
  };
  return {
    // `done` tells the usage, which the first event begins.
    needsHistory: true,
    get hasEnded() {
      return failure !== undefined;
    },
    encode: ({ id, record }: LogEntry): string => {
      try {
        return encode(frameOf(record), id);
      } catch (error) {
        failure = failureFrame(error);
        return encode(failure, id);
      }
    },
    // The standard has comments for this; the readers this format is for pass over events they do not know.
    ping: () => ': ping\n\n',
    reconnect: () => encode(['reconnect', {}]),
    waiting: (position) => encode(['waiting', { position }]),
    failed: (code, message) => encode(errorFrame(code, message)),
    reset: () => {
      accumulator = new MessageAccumulator();
      failure = undefined;
      return encode(['reset', { from: 0 }]);
    },
  };
}

function encode(frame: TextFrame | undefined, id?: EntryId): string {
  if (frame === undefined) return '';
  const [event, value] = frame;
  return encodeSse({
    id: id === undefined ? undefined : formatEntryId(id),
    event,
    data: JSON.stringify(value),
  });
}

function textOf(record: EventRecord, accumulator: MessageAccumulator): TextFrame | undefined {
  const event = parseStreamEvent(record);
  accumulator.push(event);
  const isText = event.type === 'content_block_delta' && event.delta.type === 'text_delta';
  return isText ? ['text', (event.delta as TextDelta).text] : undefined;
}

function lastFrame(ending: LogEnding, { message }: MessageAccumulator): TextFrame {
  if (ending.type === 'complete')
    return ['done', { usage: message?.usage, stop_reason: message?.stop_reason }];
  return ending.type === 'stopped' ? ['stopped', {}] : errorFrame(ending.code, ending.message);
}

/** Text that a reader has is hardly ever withdrawn: an answer is gone on with behind its last text. */
function rewind(fromIndex: number, accumulator: MessageAccumulator): TextFrame | undefined {
  const before = textLength(accumulator);
  accumulator.rewind(fromIndex);
  const from = textLength(accumulator);
  return from === before ? undefined : ['reset', { from }];
}

/** In UTF-16 code units. */
function textLength({ message }: MessageAccumulator): number {
  const texts = (message?.content ?? []).map((block) =>
    block.type === 'text' ? (block as TextBlock).text : '',
  );
  return texts.reduce((sum, text) => sum + text.length, 0);
}

/** What cannot be read is no event, whatever it was that it broke. */
function failureFrame(error: unknown): TextFrame {
  if (error instanceof ProtocolError) return errorFrame(error.code, error.message);
  return errorFrame('invalid_event', 'The data of an event cannot be read');
}

function errorFrame(code: string, message: string): TextFrame {
  return ['error', { code, message, retryable: retryableCodes.has(code) }];
}
