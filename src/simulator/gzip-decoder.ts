// Gzip decoded as it comes: behind every piece stands all that can be read of it so far.

import { constants, createGunzip } from 'node:zlib';

export class GzipDecoder {
  readonly #gunzip = createGunzip({ flush: constants.Z_SYNC_FLUSH });
  #decoded: Buffer[] = [];
  #error: Error | undefined;
  /** Ends the wait for what is being decoded. */
  #onDone: () => void = () => undefined;

  constructor() {
    this.#gunzip.on('data', (bytes: Buffer) => this.#decoded.push(bytes));
    this.#gunzip.once('error', (error) => {
      this.#error = error;
      this.#onDone();
    });
  }

  /** One call at a time. Rejects when the bytes are not gzip. */
  async decode(bytes: Uint8Array): Promise<Buffer> {
    await new Promise<void>((resolve) => {
      this.#onDone = resolve;
      this.#gunzip.write(bytes, () => resolve());
    });
    if (this.#error !== undefined) throw this.#error;
    const decoded = Buffer.concat(this.#decoded);
    this.#decoded = [];
    return decoded;
  }

  close(): void {
    this.#gunzip.destroy();
  }
}
