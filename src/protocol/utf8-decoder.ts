// Bytes to text, cut anywhere: gives what decoding the whole stream at once would give. Malformed sequences
// become U+FFFD, as the WHATWG encoding standard says; a byte order mark at the very beginning is dropped.

/** A chunk up to this many bytes is decoded here: calling into TextDecoder would cost more than the bytes do. */
const shortChunkBytes = 24;

export class Utf8Decoder {
  // Not in streaming mode: engines decode a closed range several times faster. So the bytes of a character
  // that is not finished are held back here, at most three.
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #held: Uint8Array | undefined;
  #started = false;

  /** Decodes what `chunk` finishes. */
  push(chunk: Uint8Array | string): string {
    if (typeof chunk === 'string') return this.#begin(this.end() + chunk);
    if (this.#held === undefined && chunk.length <= shortChunkBytes) {
      const text = asciiText(chunk);
      if (text !== undefined) return this.#begin(text);
    }
    const bytes = this.#held === undefined ? chunk : joined(this.#held, chunk);
    const open = unfinishedLength(bytes);
    this.#held = open === 0 ? undefined : bytes.slice(bytes.length - open);
    return this.#begin(this.#decoder.decode(open === 0 ? bytes : bytes.subarray(0, bytes.length - open)));
  }

  /** The end of the bytes: a character cut off there is one U+FFFD. */
  end(): string {
    if (this.#held === undefined) return '';
    const text = this.#decoder.decode(this.#held);
    this.#held = undefined;
    return text;
  }

  #begin(text: string): string {
    if (this.#started || text === '') return text;
    this.#started = true;
    return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
  }
}

function asciiText(bytes: Uint8Array): string | undefined {
  let text = '';
  for (const byte of bytes) {
    if (byte > 0x7f) return undefined;
    text += String.fromCharCode(byte);
  }
  return text;
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/**
 * How many bytes at the end may belong to a character that is not whole: from the last lead byte on, if fewer than
 * it announces. A lead byte begins a sequence wherever it stands, so cutting in front of one changes nothing, also
 * when what follows it turns out to be malformed.
 */
function unfinishedLength(bytes: Uint8Array): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return back < (byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4) ? back : 0;
  }
  return 0;
}
