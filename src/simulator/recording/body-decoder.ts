// Undoes the content encoding of a body that comes in pieces, keeping them apart.

import type { Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';

const decoders: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
};

/** Whether a body of this `content-encoding` is stored without it; another one is stored as it came. */
export function isDecodable(contentEncoding: string | undefined): boolean {
  return contentEncoding !== undefined && Object.hasOwn(decoders, contentEncoding.toLowerCase());
}

export class BodyDecoder {
  readonly #stream: Transform | undefined;
  readonly #decoded: Buffer[] = [];

  constructor(contentEncoding: string | undefined) {
    this.#stream = isDecodable(contentEncoding)
      ? decoders[contentEncoding?.toLowerCase() ?? '']?.()
      : undefined;
    this.#stream?.on('data', (bytes: Buffer) => this.#decoded.push(bytes));
  }

  /** What this piece decodes to, which may be nothing. One at a time. Rejects when it is not of the encoding. */
  decode(bytes: Buffer): Promise<Buffer> {
    const stream = this.#stream;
    if (stream === undefined) return Promise.resolve(bytes);
    return new Promise((resolve, reject) => {
      stream.once('error', reject);
      stream.write(bytes, () => {
        stream.off('error', reject);
        // What is decoded and not handed out yet.
        stream.read();
        resolve(Buffer.concat(this.#decoded.splice(0)));
      });
    });
  }

  close(): void {
    this.#stream?.on('error', () => undefined);
    this.#stream?.destroy();
  }
}
