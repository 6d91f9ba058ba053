// The events of one answer, for readers that come late or at their own pace. A run of deltas, which is most of any
// answer, is kept as one text and the places where it was cut: a few bytes an event in place of some hundred, and no
// hold on the network chunks that the pieces were cut from.

import { stringOfDelta } from '../protocol/index.ts';
import type { ContentBlockDeltaEvent } from '../protocol/index.ts';
import type { ClientEvent } from './answer.ts';
import { ReaderError } from './reader-error.ts';

/** A part is closed, and packed, at this many events or bytes. */
const maxPartEvents = 512;
const maxPartBytes = 64 * 1024;

/** Deltas that follow each other at one index, of one type. */
class Run {
  readonly index: number;
  readonly type: string;
  readonly #pieces: string[] = [];
  /** All pieces, once no more come. */
  #text = '';
  /** Where each piece ends in the text. */
  #ends: readonly number[] = [];

  constructor(index: number, type: string) {
    this.index = index;
    this.type = type;
  }

  push(piece: string): void {
    this.#pieces.push(piece);
  }

  /** Copies the pieces, which hold the network chunks that they were cut from. */
  close(): void {
    let end = 0;
    this.#text = this.#pieces.join('');
    this.#ends = this.#pieces.map((piece) => (end += piece.length));
    this.#pieces.length = 0;
  }

  toEvents(): ClientEvent[] {
    const { index, type } = this;
    const field = stringOfDelta.get(type) ?? '';
    let start = 0;
    return this.#ends.map((end) => {
      const text = this.#text.slice(start, end);
      start = end;
      return {
        type: 'content_block_delta',
        index,
        delta: { type, [field]: text },
      } as ClientEvent;
    });
  }
}

interface Part {
  readonly items: readonly (ClientEvent | Run)[];
  readonly bytes: number;
}

/**
 * 1. Events are read by parts, numbered from 0. The newest part grows while a reader has it.
 * 2. When more than `maxBytes` are kept, the oldest parts go; who asks for one of them gets a ReaderError
 *    `events_dropped`. Who has a part in hand keeps it.
 */
export class KeptEvents {
  /** Characters are counted as two bytes, an event as four more. */
  maxBytes: number;
  readonly #parts = new Map<number, Part>();
  #bytes = 0;
  #oldest = 0;
  #newest = 0;
  /** The events of the newest part, and the same packed. */
  #open: ClientEvent[] = [];
  #items: (ClientEvent | Run)[] = [];
  #run: Run | undefined;
  #openBytes = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  /** The number of the part that still grows. */
  get newest(): number {
    return this.#newest;
  }

  push(event: ClientEvent): void {
    this.#open.push(event);
    this.#pack(event);
    if (this.#open.length >= maxPartEvents || this.#openBytes >= maxPartBytes) this.#close();
  }

  /** Throws ReaderError when the part is no longer kept. */
  part(number: number): readonly ClientEvent[] {
    if (number === this.#newest) return this.#open;
    const part = this.#parts.get(number);
    if (part !== undefined)
      return part.items.flatMap((item) => (item instanceof Run ? item.toEvents() : item));
    throw new ReaderError(
      'events_dropped',
      `Cannot read the answer from here: only its last ${this.maxBytes} bytes of events are kept (maxKeptBytes)`,
    );
  }

  #pack(event: ClientEvent): void {
    const text = textOf(event);
    if (text === undefined) {
      this.#run?.close();
      this.#run = undefined;
      this.#items.push(event);
      this.#openBytes += bytesOf(event);
      return;
    }
    const { index, delta } = event as ContentBlockDeltaEvent;
    if (this.#run?.index !== index || this.#run.type !== delta.type) {
      this.#run?.close();
      this.#run = new Run(index, delta.type);
      this.#items.push(this.#run);
    }
    this.#run.push(text);
    this.#openBytes += text.length * 2 + 4;
  }

  #close(): void {
    if (this.maxBytes > 0) {
      this.#run?.close();
      this.#parts.set(this.#newest, { items: this.#items, bytes: this.#openBytes });
      this.#bytes += this.#openBytes;
    } else {
      this.#oldest = this.#newest + 1;
    }
    this.#newest += 1;
    this.#open = [];
    this.#items = [];
    this.#run = undefined;
    this.#openBytes = 0;
    while (this.#bytes > this.maxBytes) this.#dropOldest();
  }

  #dropOldest(): void {
    this.#bytes -= this.#parts.get(this.#oldest)?.bytes ?? 0;
    this.#parts.delete(this.#oldest);
    this.#oldest += 1;
  }
}

/** The one string of a delta of which nothing is lost when only index, type and text are kept. */
function textOf(event: ClientEvent): string | undefined {
  if (event.type !== 'content_block_delta') return undefined;
  const { delta } = event;
  const field = stringOfDelta.get(delta.type);
  if (field === undefined || Object.keys(event).length !== 3 || Object.keys(delta).length !== 2)
    return undefined;
  return (delta as unknown as Record<string, string>)[field];
}

/** About what a value takes. Not recursive: legal JSON may be nested deeper than the stack is. */
function bytesOf(event: object): number {
  let bytes = 0;
  const left: unknown[] = [event];
  while (left.length > 0) {
    const value = left.pop();
    bytes += typeof value === 'string' ? value.length * 2 : 16;
    if (typeof value !== 'object' || value === null) continue;
    for (const field of Object.values(value)) left.push(field);
  }
  return bytes;
}
