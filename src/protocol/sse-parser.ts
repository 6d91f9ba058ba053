// Text to server-sent events, by the algorithm of the WHATWG HTML standard, section "Interpreting an event
// stream". Works on text that is already decoded; SseDecoder and StreamEventDecoder put the bytes in front.

import { ProtocolError } from './errors.ts';
import { FlatText } from './flat-text.ts';

/** One event as it was framed, before anybody looks at what its data means. */
export interface ServerSentEvent {
  /** The `event:` field; undefined when the frame has none, which the standard reads as `message`. */
  event?: string | undefined;
  /** The `data:` lines, joined by line feeds. */
  data: string;
  /** The `id:` field of this very frame. */
  id?: string | undefined;
}

export interface SseDecoderOptions {
  /**
   * The most bytes of UTF-8 one event may have, from its first line to its blank line, a line's end counted as one;
   * default 32 MiB, the request limit of the Messages API. Past it `push` throws `event_too_large`, and the decoder is
   * finished.
   */
  maxEventBytes?: number;
}

const defaultMaxEventBytes = 32 * 1024 * 1024;

export class SseParser {
  readonly maxEventBytes: number;
  /** The text being parsed and how far it is read; StreamEventDecoder reads ahead here when {@link isIdle}. */
  text = '';
  position = 0;
  lastEventId = '';
  retryMs: number | undefined;

  /** The line that the end of the text has cut, so far. */
  readonly #line = new FlatText();
  /** The data lines of the open event, joined; undefined while it has none. */
  #data: FlatText | undefined;
  #event = '';
  #id: string | undefined;
  /** The text ended in CR: a LF that comes next belongs to it. */
  #afterCr = false;
  /** Where the open event begins in the text, and the bytes it has from earlier texts. */
  #eventStart = 0;
  #eventBytes = 0;

  constructor({ maxEventBytes = defaultMaxEventBytes }: SseDecoderOptions) {
    if (!(maxEventBytes > 0)) throw new RangeError('maxEventBytes must be above 0');
    this.maxEventBytes = maxEventBytes;
  }

  /** Nothing of an event is held: the text at `position` begins a line, and with it an event. */
  get isIdle(): boolean {
    return this.#data === undefined && this.#event === '' && this.#line.value === '';
  }

  /** Takes the next text. The one before must have been read to its end. */
  write(text: string): void {
    const isSplit = this.#afterCr && text.startsWith('\n');
    if (text !== '') this.#afterCr = text.endsWith('\r');
    // From here on LF alone ends a line. Few bodies have any CR, and to see that costs nearly nothing.
    const rest = isSplit ? text.slice(1) : text;
    this.text = rest.includes('\r') ? rest.replaceAll(/\r\n?/g, '\n') : rest;
    this.position = 0;
    this.#eventStart = 0;
  }

  /** Says that the text up to `position` has been read, as one whole event, by other means. Who does that does without
   * `lastEventId`. */
  skipTo(position: number): void {
    this.position = position;
    this.#eventStart = position;
    this.#id = undefined;
  }

  /** The next whole event, or undefined when the text is used up. */
  read(): ServerSentEvent | undefined {
    const { text } = this;
    for (;;) {
      const end = text.indexOf('\n', this.position);
      if (end < 0) break;
      const line = this.#takeLine(end);
      if (line !== '') {
        this.#readField(line);
        if (this.#data === undefined && this.#event === '') this.#startEvent();
        continue;
      }
      this.#startEvent();
      const event = this.#dispatch();
      if (event !== undefined) return event;
    }
    this.#holdRest();
    return undefined;
  }

  /** The end of the stream: the last event, when only its blank line is missing. See SseDecoder.end. */
  end(): ServerSentEvent | undefined {
    const line = this.#line.take();
    // Any other field that is cut would be read wrong; data proves itself by being whole JSON.
    const isCutData = line.startsWith('data:');
    if (isCutData) this.#readField(line);
    const { lastEventId } = this;
    const event = this.#dispatch();
    if (event !== undefined && isWholeJson(event.data, !isCutData)) return event;
    // An event that is dropped has not been seen: who resumes must get it.
    this.lastEventId = lastEventId;
    return undefined;
  }

  #takeLine(end: number): string {
    const rest = this.text.slice(this.position, end);
    this.position = end + 1;
    if (this.#line.value === '') return rest;
    this.#line.append(rest);
    return this.#line.take();
  }

  #readField(line: string): void {
    const colon = line.indexOf(':');
    // A colon in front is a comment.
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line.charCodeAt(colon + 1) === 32 ? colon + 2 : colon + 1);
    if (name === 'data') this.#addData(value);
    else if (name === 'event') this.#event = value;
    else if (name === 'id' && !value.includes('\0')) this.#id = value;
    else if (name === 'retry' && /^[0-9]{1,9}$/.test(value)) this.retryMs = Number(value);
  }

  #addData(line: string): void {
    if (this.#data === undefined) this.#data = new FlatText();
    else this.#data.append('\n');
    this.#data.append(line);
  }

  #dispatch(): ServerSentEvent | undefined {
    if (this.#id !== undefined) this.lastEventId = this.#id;
    const data = this.#data;
    const event = this.#event === '' ? undefined : this.#event;
    const id = this.#id;
    this.#data = undefined;
    this.#event = '';
    this.#id = undefined;
    if (data === undefined) return undefined;
    return { event, data: data.value, id };
  }

  /** What comes next begins an event; what came before must have kept to the limit, however it was cut. */
  #startEvent(): void {
    const length = this.position - this.#eventStart;
    if (this.#eventBytes > 0 || length * 3 > this.maxEventBytes) this.#countEventBytes();
    this.#eventStart = this.position;
    this.#eventBytes = 0;
  }

  /** Keeps what the end of the text has cut. */
  #holdRest(): void {
    this.#line.append(this.text.slice(this.position));
    this.position = this.text.length;
    this.#countEventBytes();
    this.#eventStart = this.position;
  }

  #countEventBytes(): void {
    this.#eventBytes += utf8Length(this.text, this.#eventStart, this.position);
    if (this.#eventBytes > this.maxEventBytes) {
      throw new ProtocolError('event_too_large', `An event has more than ${this.maxEventBytes} bytes`);
    }
  }
}

/** Bytes of UTF-8. Each half of a surrogate pair counts two, so that a cut between them changes nothing. */
function utf8Length(text: string, start: number, end: number): number {
  let length = end - start;
  for (let index = start; index < end; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7f) length += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return length;
}

/** A number whose line was cut may have lost digits; every other JSON value shows its own end. */
function isWholeJson(data: string, isWholeLine: boolean): boolean {
  try {
    const value: unknown = JSON.parse(data);
    return isWholeLine || typeof value !== 'number';
  } catch {
    return false;
  }
}
