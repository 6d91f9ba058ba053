// The events of one answer, for readers that come late or at their own pace. A run of deltas, which is most of any
// answer, is kept as one text and the places where it was cut: a few bytes an event in place of some hundred, and no
// hold on the network chunks that the pieces were cut from.

import { stringOfDelta } from '../protocol/index.ts';
import type { ContentBlockDelta, ContentBlockDeltaEvent } from '../protocol/index.ts';
import type { ClientEvent } from './answer.ts';
import { ReaderError } from './reader-error.ts';

/** A part is closed, and packed, at this many events or bytes. */
const maxPartEvents = 512;
const maxPartBytes = 64 * 1024;

/** Deltas that follow each other at one index, of one type. */
class Run {
  readonly #first: ContentBlockDeltaEvent;
  readonly #text: string;
  /** Where each delta ends in the text. */
  readonly #ends: readonly number[];

  constructor(first: ContentBlockDeltaEvent, pieces: readonly string[]) {
    let end = 0;
    const { index, delta } = first;
    // A copy: the text of the event that came would keep the network chunk that it was cut from.
    this.#first = { type: 'content_block_delta', index, delta: { type: delta.type } as ContentBlockDelta };
    this.#text = pieces.join('');
    this.#ends = pieces.map((piece) => (end += piece.length));
  }

  toEvents(): ClientEvent[] {
    const { index, delta } = this.#first;
    const field = stringOfDelta.get(delta.type) ?? '';
    let start = 0;
    return this.#ends.map((end) => {
      const text = this.#text.slice(start, end);
      start = end;
      return {
        type: 'content_block_delta',
        index,
        delta: { type: delta.type, [field]: text },
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
  #open: ClientEvent[] = [];
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
    const text = textOf(event);
    this.#openBytes += text === undefined ? bytesOf(event) : text.length * 2;
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

  #close(): void {
    // With no room at all packing would be for nothing.
    const part = this.maxBytes > 0 ? pack(this.#open) : { items: [], bytes: 0 };
    if (this.maxBytes > 0) this.#parts.set(this.#newest, part);
    else this.#oldest = this.#newest + 1;
    this.#bytes += part.bytes;
    this.#newest += 1;
    this.#open = [];
    this.#openBytes = 0;
    while (this.#bytes > this.maxBytes) this.#dropOldest();
  }

  #dropOldest(): void {
    this.#bytes -= this.#parts.get(this.#oldest)?.bytes ?? 0;
    this.#parts.delete(this.#oldest);
    this.#oldest += 1;
  }
}

function pack(events: readonly ClientEvent[]): Part {
  const items: (ClientEvent | Run)[] = [];
  let bytes = 0;
  let run: { first: ContentBlockDeltaEvent; pieces: string[] } | undefined;
  const closeRun = (): void => {
    if (run !== undefined) items.push(new Run(run.first, run.pieces));
    run = undefined;
  };
  for (const event of events) {
    const text = isPlainDelta(event) ? textOf(event) : undefined;
    bytes += text === undefined ? bytesOf(event) : text.length * 2 + 4;
    if (text === undefined) {
      closeRun();
      items.push(event);
      continue;
    }
    const delta = event as ContentBlockDeltaEvent;
    if (run?.first.index !== delta.index || run.first.delta.type !== delta.delta.type) closeRun();
    run ??= { first: delta, pieces: [] };
    run.pieces.push(text);
  }
  closeRun();
  return { items, bytes };
}

/** The one string of a delta that has one. */
function textOf(event: ClientEvent): string | undefined {
  if (event.type !== 'content_block_delta') return undefined;
  const { delta } = event;
  const field = stringOfDelta.get(delta.type);
  return field === undefined ? undefined : (delta as unknown as Record<string, string>)[field];
}

/** Whether nothing is lost when only index, type and text are kept. */
function isPlainDelta(event: ClientEvent): boolean {
  if (event.type !== 'content_block_delta') return false;
  const { delta } = event;
  return Object.keys(event).length === 3 && Object.keys(delta).length === 2;
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
