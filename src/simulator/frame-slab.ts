// Memory for frames: a thousand small buffers cost more than what is written into them.

const slabBytes = 65_536;

/** Frames that are written one after the other lie one behind the other, so that `joinBytes` copies nothing. */
export class FrameSlab {
  #bytes = Buffer.alloc(0);
  /** Bytes handed out; nobody may write before it. */
  #used = 0;

  /** The bytes of `head`, of `text` and of `tail`. `text` has no half of a surrogate pair. */
  write(head: Uint8Array, text: string, tail: Uint8Array): Uint8Array {
    const mostBytes = head.length + text.length * 3 + tail.length;
    if (mostBytes > slabBytes) return Buffer.concat([head, Buffer.from(text), tail]);
    if (this.#used + mostBytes > this.#bytes.length) {
      this.#bytes = Buffer.allocUnsafeSlow(slabBytes);
      this.#used = 0;
    }
    const start = this.#used;
    this.#bytes.set(head, start);
    const textEnd = start + head.length + this.#bytes.write(text, start + head.length);
    this.#bytes.set(tail, textEnd);
    this.#used = textEnd + tail.length;
    return this.#bytes.subarray(start, this.#used);
  }
}

/** The bytes of all parts, in order; without a copy where they lie so. */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (first === undefined) return Buffer.alloc(0);
  let end = first.byteOffset;
  for (const { buffer, byteOffset, length } of parts) {
    if (buffer !== first.buffer || byteOffset !== end) return Buffer.concat(parts);
    end += length;
  }
  return Buffer.from(first.buffer, first.byteOffset, end - first.byteOffset);
}
