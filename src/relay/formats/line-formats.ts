// Formats of one JSON object a line: `ndjson` with the events of the Messages format, `log` with the log as it is.

import { formatEntryId } from '../../storage/index.ts';
import type { EntryId, LogEnding, LogRecord } from '../../storage/index.ts';
import type { Encoder } from '../encoder.ts';
import { errorEvent, ownEvent } from './own-events.ts';

/**
 * Lines `{"id", "event"}`, the event as upstream wrote it, and `{"id", "data"}` for what is no JSON. The relay's own
 * records are events of the type `millrace`, and an end that is not whole is an `error`, as in the Messages format.
 * What is not in the log, pings among it, has no id.
 */
export function createNdjsonEncoder(): Encoder {
  return {
    needsHistory: false,
    hasEnded: false,
    encode: ({ id, record }) =>
      line(id, record.type === 'event' ? dataField(record.data) : field(eventOf(record))),
    ping: () => line(undefined, field({ type: 'ping' })),
    reconnect: () => line(undefined, field(ownEvent({ type: 'reconnect' }))),
    waiting: (position) => line(undefined, field(ownEvent({ type: 'waiting', position }))),
    failed: (code, message) => line(undefined, field(errorEvent({ type: 'failed', code, message }))),
    reset: (from) => line(undefined, field(ownEvent({ type: 'reset', from: formatEntryId(from) }))),
  };
}

/**
 * Lines `{"id", "record"}`, each record as it is kept: with the request, and with every frame's text. For tools that
 * look at a stream, and for who looks for a fault.
 */
export function createLogEncoder(): Encoder {
  const say = (id: EntryId | undefined, record: object): string =>
    line(id, `"record":${JSON.stringify(record)}`);
  return {
    needsHistory: false,
    hasEnded: false,
    encode: ({ id, record }) => say(id, record),
    ping: () => say(undefined, { type: 'ping' }),
    reconnect: () => say(undefined, { type: 'reconnect' }),
    waiting: (position) => say(undefined, { type: 'waiting', position }),
    failed: (code, message) =>
      say(undefined, { type: 'end', ending: { type: 'failed', code, message } satisfies LogEnding }),
    reset: (from) => say(undefined, { type: 'reset', from: formatEntryId(from) }),
  };
}

function line(id: EntryId | undefined, content: string): string {
  return id === undefined ? `{${content}}\n` : `{"id":"${formatEntryId(id)}",${content}}\n`;
}

function field(event: object): string {
  return `"event":${JSON.stringify(event)}`;
}

/** JSON has line breaks only between its words. */
function dataField(data: string): string {
  return isJson(data) ? `"event":${data.replaceAll(/[\r\n]+/g, ' ')}` : `"data":${JSON.stringify(data)}`;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function eventOf(record: Exclude<LogRecord, { type: 'event' }>): object {
  if (record.type === 'end' && record.ending.type !== 'complete' && record.saidByUpstream !== true)
    return errorEvent(record.ending);
  return ownEvent(record);
}
