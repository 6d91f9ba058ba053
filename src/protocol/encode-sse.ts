// Events to the text of a `text/event-stream` body.

import type { ServerSentEvent } from './sse-parser.ts';
import type { StreamEvent } from './stream-event.ts';

/**
 * Frames one event. A stream event is framed as the API does it, `event: TYPE` and its JSON on one `data:` line;
 * a ServerSentEvent as it is, `id` first, with one `data:` line for each line of its data.
 *
 * A CR or CRLF in `data` comes out as LF at the other end: the format has no way to say it.
 * Throws a TypeError when `event` or `id` cannot be framed: a line break or NUL in them.
 */
export function encodeSse(event: ServerSentEvent | StreamEvent): string {
  if (!('type' in event)) return encodeFrame(event);
  return `event: ${oneLine('type', event.type)}\ndata: ${JSON.stringify(event)}\n\n`;
}

function encodeFrame({ id, event, data }: ServerSentEvent): string {
  const idLine = id === undefined ? '' : `id: ${oneLine('id', id)}\n`;
  const eventLine = event === undefined ? '' : `event: ${oneLine('event', event)}\n`;
  return `${idLine}${eventLine}data: ${/[\r\n]/.test(data) ? data.split(lineBreak).join('\ndata: ') : data}\n\n`;
}

const lineBreak = /\r\n|\r|\n/;

function oneLine(field: string, value: string): string {
  if (/[\r\n\0]/.test(value)) throw new TypeError(`Cannot frame this ${field}`);
  return value;
}
