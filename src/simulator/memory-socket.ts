// The two ends of a connection that needs no network: what is written at one is read at the other, in order and at
// the reader's pace. As much of a socket as node:http and the simulator ask for.

import { Duplex } from 'node:stream';

/** A chunk that the other end wrote and this one has not taken yet. */
interface Waiting {
  readonly chunk: Buffer;
  readonly onTaken: () => void;
}

export class MemorySocket extends Duplex {
  /** Itself only while the pair is being made. */
  #peer: MemorySocket = this;
  /** At most one: the other end writes the next when this one was taken. */
  #waiting: Waiting | undefined;
  #hasRoom = false;
  #isHeld = false;
  /** Whether the other end has written its last. */
  #isPeerDone = false;
  readonly #isClient: boolean;

  private constructor(isClient: boolean) {
    super({ allowHalfOpen: !isClient });
    this.#isClient = isClient;
  }

  static createPair(): { client: MemorySocket; server: MemorySocket } {
    const pair = { client: new MemorySocket(true), server: new MemorySocket(false) };
    pair.client.#peer = pair.server;
    pair.server.#peer = pair.client;
    return pair;
  }

  /** Takes nothing more from the other end until `release()`. */
  hold(): void {
    this.#isHeld = true;
  }

  release(): void {
    this.#isHeld = false;
    this.#take();
  }

  /** The other end gets what was taken already, and then ECONNRESET. */
  resetAndDestroy(): void {
    this.#peer.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' }));
    this.destroy();
  }

  /** When everything written was taken. */
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  override _read(): void {
    this.#hasRoom = true;
    this.#take();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, onTaken: () => void): void {
    this.#peer.#offer({ chunk, onTaken });
  }

  /** node:http writes the size, the bytes and the end of a chunk one by one; they arrive as one. */
  override _writev(chunks: readonly { chunk: Buffer }[], onTaken: () => void): void {
    this.#peer.#offer({ chunk: Buffer.concat(chunks.map(({ chunk }) => chunk)), onTaken });
  }

  override _final(onEnded: () => void): void {
    this.#peer.#end();
    onEnded();
  }

  override _destroy(error: Error | null, onDestroyed: (error?: Error | null) => void): void {
    this.#waiting = undefined;
    // A client reads to the end what a server has written; a server notices at once that its client has gone.
    if (this.#isClient) this.#peer.destroy();
    else this.#peer.#end();
    onDestroyed(error);
  }

  #offer(waiting: Waiting): void {
    this.#waiting = waiting;
    this.#take();
  }

  #take(): void {
    if (this.#waiting === undefined || this.#isHeld || !this.#hasRoom || this.destroyed) return;
    const { chunk, onTaken } = this.#waiting;
    this.#waiting = undefined;
    this.#hasRoom = false;
    // Sets `#hasRoom` again by asking for more.
    this.push(chunk);
    onTaken();
  }

  #end(): void {
    this.#waiting = undefined;
    if (this.destroyed || this.#isPeerDone) return;
    this.#isPeerDone = true;
    this.push(null);
  }
}
