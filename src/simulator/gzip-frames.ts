// A gzip stream in which every frame can be read as soon as it has arrived. Each frame is a deflate block of its
// own, ended by a flush: a little larger than with one dictionary for all, but a stream holds no compressor, and
// a thousand open ones hold nothing.

import { constants, crc32, deflateRawSync } from 'node:zlib';

/** RFC 1952: magic, deflate, no name, no time, no flags, unknown system. */
const header = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
/** A last deflate block with nothing in it. */
const emptyLastBlock = Buffer.from([3, 0]);

const nothing = Buffer.alloc(0);

/** Small tables: they are made anew for each frame. */
const deflateOptions = { windowBits: 9, memLevel: 1, finishFlush: constants.Z_SYNC_FLUSH };

export class GzipFrames {
  #hasBegun = false;
  #checksum = 0;
  #byteCount = 0;

  encode(frame: Uint8Array): Buffer {
    // Room for the worst case and no more: the default, 16 KiB a frame, would be garbage by the gigabyte.
    const compressed = deflateRawSync(frame, { ...deflateOptions, chunkSize: frame.length + 64 });
    this.#checksum = crc32(frame, this.#checksum);
    this.#byteCount += frame.length;
    return Buffer.concat([this.#begin(), compressed]);
  }

  /** What comes after the last frame. */
  end(): Buffer {
    const trailer = Buffer.alloc(8);
    trailer.writeUInt32LE(this.#checksum, 0);
    trailer.writeUInt32LE(this.#byteCount % 2 ** 32, 4);
    return Buffer.concat([this.#begin(), emptyLastBlock, trailer]);
  }

  /** The header, once. */
  #begin(): Buffer {
    if (this.#hasBegun) return nothing;
    this.#hasBegun = true;
    return header;
  }
}

/** Whether an `accept-encoding` header allows gzip; `*` stands for it where it is not named (RFC 9110, 12.5.3). */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  const entries = (acceptEncoding ?? '').split(',').map((entry) => {
    const [coding, ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase());
    return { coding, isRefused: parameters.some((each) => /^q=0(?:\.0*)?$/.test(each)) };
  });
  const entry =
    entries.find(({ coding }) => coding === 'gzip') ?? entries.find(({ coding }) => coding === '*');
  return entry !== undefined && !entry.isRefused;
}
