// Upstream's bytes to frames. A model's pace gives one frame a chunk, or a few whole ones, of two lines each: those
// are cut out of the text as they are. Anything else is for SseDecoder, which gives the same.

import { SseDecoder } from '../protocol/index.ts';
import type { ProtocolError, ServerSentEvent } from '../protocol/index.ts';

const lineFeed = 10;

/** One for all streams: it holds nothing between whole chunks, and takes memory beside its object. */
const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });

/** Larger chunks are left to the decoder, which limits the bytes of a frame. */
const mostBytes = 256 * 1024;

export class FrameDecoder {
  readonly #decoder = new SseDecoder();
  /** All that came before was whole frames: the decoder holds nothing. */
  #isBetween = false;

  /** As of SseDecoder. */
  get error(): ProtocolError | undefined {
    return this.#decoder.error;
  }

  /** As SseDecoder does. */
  push(chunk: Uint8Array): ServerSentEvent[] {
    const { length } = chunk;
    const wasBetween = this.#isBetween;
    this.#isBetween = chunk[length - 1] === lineFeed && chunk[length - 2] === lineFeed;
    const isWhole = wasBetween && this.#isBetween && length <= mostBytes;
    return (isWhole ? usualFrames(utf8.decode(chunk)) : undefined) ?? this.#decoder.push(chunk);
  }

  end(): ServerSentEvent[] {
    return this.#decoder.end();
  }
}

/** Undefined where one of them is framed in another way. */
function usualFrames(text: string): ServerSentEvent[] | undefined {
  const frames: ServerSentEvent[] = [];
  if (text.includes('\r')) return undefined;
  for (let start = 0; start < text.length;) {
    const dataStart = text.indexOf('\n', start) + 1;
    const end = text.indexOf('\n', dataStart);
    const event = text.slice(start + 7, dataStart - 1);
    const isUsual =
      text.slice(start, start + 7) === 'event: ' &&
      text.slice(dataStart, dataStart + 6) === 'data: ' &&
      text.charCodeAt(end + 1) === lineFeed &&
      event !== '';
    if (!isUsual) return undefined;
    frames.push({ event, data: text.slice(dataStart + 6, end), id: undefined });
    start = end + 2;
  }
  return frames;
}
