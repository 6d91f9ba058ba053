// Events as the bytes of their frames, with the padding by which the API hides how long a delta is. Frames are written
// one behind the other into larger pieces of memory: a thousand small buffers cost more than what stands in them.

import { encodeSse } from '../protocol/index.ts';
import type { KnownStreamEvent } from '../protocol/index.ts';
import { drawInteger } from './random.ts';
import type { Random } from './random.ts';

/** Recorded pings have a space after the colon and no padding. */
export const pingFrame = 'event: ping\ndata: {"type": "ping"}\n\n';

/** What an event's frame ends with: the place of the padding is before it. */
const end = '}\n\n';
const paddedEnds = Array.from({ length: 16 }, (_, length) => ' '.repeat(length) + end);

/** Memory is taken by so many bytes, or by as many as are needed. */
const slabBytes = 131_072;
/** The most bytes of UTF-8 that a UTF-16 code unit comes to. */
const mostBytesPerUnit = 3;

const quote = 0x22;
const backslash = 0x5c;

export class FrameWriter {
  #bytes: Uint8Array = new Uint8Array();
  /** Nobody writes before it: it is handed out, or about to be. */
  #used = 0;
  /** Where the frames begin that were not taken. */
  #start = 0;
  /** The texts of a run of deltas as JSON. */
  #json = Buffer.alloc(0);

  /** How many bytes there are to take. */
  get byteCount(): number {
    return this.#used - this.#start;
  }

  /** Adds the events' frames: with 0 to 15 spaces before the last brace of their JSON, each number as often. */
  add(events: readonly KnownStreamEvent[], random: Random): void {
    const run = textRunOf(events);
    if (run !== undefined) return this.#addTexts(run, random);
    for (const event of events) this.#addFrame(toText(event, random));
  }

  /** The bytes of all frames that were added since the last time. */
  take(): Uint8Array {
    const bytes = this.#bytes.subarray(this.#start, this.#used);
    this.#start = this.#used;
    return bytes;
  }

  #addFrame(text: string): void {
    this.#makeRoom(text.length * mostBytesPerUnit);
    this.#used += encoder.encodeInto(text, this.#bytes.subarray(this.#used)).written;
  }

  /**
   * What encodeSse gives, in a fraction of its time: all texts are made JSON at once, and what stands around them is
   * always the same.
   */
  #addTexts({ head, texts }: TextRun, random: Random): void {
    const source = this.#toJson(texts);
    const mostAround = head.length + (textEnds.at(-1)?.length ?? 0);
    this.#makeRoom(source.length + texts.length * mostAround);
    const bytes = this.#bytes;
    let to = this.#used;
    // Behind the bracket; then behind the quote that each text begins with.
    let from = 1;
    for (let left = texts.length; left > 0; left -= 1) {
      bytes.set(head, to);
      to += head.length;
      from += 1;
      for (let byte = source[from] ?? quote; byte !== quote; byte = source[from] ?? quote) {
        bytes[to++] = byte;
        from += 1;
        if (byte === backslash) bytes[to++] = source[from++] ?? quote;
      }
      // The comma too.
      from += 2;
      const textEnd = textEnds[drawPadding(random)] ?? nothing;
      bytes.set(textEnd, to);
      to += textEnd.length;
    }
    this.#used = to;
  }

  #toJson(texts: readonly string[]): Uint8Array {
    const json = JSON.stringify(texts);
    const mostBytes = json.length * mostBytesPerUnit;
    if (this.#json.length < mostBytes) this.#json = Buffer.allocUnsafeSlow(Math.max(mostBytes, slabBytes));
    return this.#json.subarray(0, this.#json.write(json));
  }

  /** What was not taken moves along when there is new memory. */
  #makeRoom(byteCount: number): void {
    if (this.#used + byteCount <= this.#bytes.length) return;
    const kept = this.#bytes.subarray(this.#start, this.#used);
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(slabBytes, kept.length + byteCount));
    this.#bytes.set(kept);
    this.#start = 0;
    this.#used = kept.length;
  }
}

const encoder = new TextEncoder();
const nothing = Buffer.alloc(0);
const textEnds = paddedEnds.map((paddedEnd) => Buffer.from(`"}${paddedEnd}`));

function toText(event: KnownStreamEvent, random: Random): string {
  if (event.type === 'ping') return pingFrame;
  return encodeSse(event).slice(0, -end.length) + (paddedEnds[drawPadding(random)] ?? end);
}

function drawPadding(random: Random): number {
  return drawInteger(random, 0, paddedEnds.length - 1);
}

/** Deltas of text, most of a stream: alike but for the text. */
interface TextRun {
  /** The frame of each up to its text. */
  readonly head: Uint8Array;
  readonly texts: readonly string[];
}

/** The field of each delta that has text. */
const textFields: ReadonlyMap<string, string> = new Map([
  ['text_delta', 'text'],
  ['thinking_delta', 'thinking'],
  ['input_json_delta', 'partial_json'],
]);

/** Undefined when there is anything else among the events. */
function textRunOf(events: readonly KnownStreamEvent[]): TextRun | undefined {
  const [first] = events;
  if (first?.type !== 'content_block_delta') return undefined;
  const { index, delta } = first;
  const field = textFields.get(delta.type);
  if (field === undefined) return undefined;
  const texts: string[] = [];
  for (const event of events) {
    const isAlike =
      event.type === 'content_block_delta' && event.index === index && event.delta.type === delta.type;
    if (!isAlike) return undefined;
    texts.push((event.delta as unknown as Readonly<Record<string, string>>)[field] ?? '');
  }
  return { head: headOf(delta.type, field, index), texts };
}

const heads = new Map<string, Uint8Array>();

/** The frame of a delta of text up to its text. */
function headOf(type: string, field: string, index: number): Uint8Array {
  const key = `${type} ${index}`;
  const made =
    heads.get(key) ??
    Buffer.from(
      `event: content_block_delta\ndata: {"type":"content_block_delta","index":${index},` +
        `"delta":{"type":"${type}","${field}":"`,
    );
  heads.set(key, made);
  return made;
}

const single = new FrameWriter();

/** The frame of an event by itself. */
export function toFrame(event: KnownStreamEvent, random: Random): Uint8Array {
  single.add([event], random);
  return single.take();
}
