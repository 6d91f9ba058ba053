// The one way out for the bytes of an answer: at the reader's pace, and over at once when the reader has gone.

import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

import type { Clock } from './clock.ts';
import { GzipFrames } from './gzip-frames.ts';
import { MemorySocket } from './memory-socket.ts';

/**
 * One writer at a time: each wait ends before the next begins.
 *
 * A wait ends, whatever for, as soon as the connection is gone; then `isOpen` is false for good.
 */
export class Outlet {
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  #gzip: GzipFrames | undefined;
  #isOpen = true;
  /** Ends the wait for room; undefined while nobody waits for it. */
  #onRoom: (() => void) | undefined;
  /** Ends the pause; undefined while there is none. */
  #onPauseEnd: (() => void) | undefined;

  constructor(response: ServerResponse, clock: Clock) {
    this.#response = response;
    this.#clock = clock;
    response.on('drain', () => this.#onRoom?.());
    response.once('close', () => {
      this.#isOpen = false;
      this.#onRoom?.();
      this.#onPauseEnd?.();
    });
    // Node reports a broken connection here as well as with `close`, which says all there is to say.
    response.on('error', () => undefined);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  begin(status: number, headers: OutgoingHttpHeaders): void {
    this.#response.writeHead(status, headers);
  }

  /** Compresses what is written from here on. */
  compress(): void {
    this.#gzip = new GzipFrames();
  }

  /** Hands the bytes over. When the reader is behind, there is a promise to await before the next bytes. */
  write(bytes: Uint8Array): Promise<void> | undefined {
    const hasRoom = this.#response.write(this.#gzip?.encode(bytes) ?? bytes);
    if (hasRoom || !this.#isOpen) return undefined;
    return new Promise((resolve) => {
      this.#onRoom = () => {
        this.#onRoom = undefined;
        resolve();
      };
    });
  }

  /** Without end when `durationMs` is Infinity: then only the connection's end ends it, and there is no timer. */
  pause(durationMs: number, clock: Clock = this.#clock): Promise<void> {
    if (!this.#isOpen) return Promise.resolve();
    return new Promise((resolve) => {
      const isEndless = durationMs === Infinity;
      const cancel = isEndless ? noTimer : clock.setTimer(() => this.#onPauseEnd?.(), durationMs);
      this.#onPauseEnd = () => {
        this.#onPauseEnd = undefined;
        cancel();
        resolve();
      };
    });
  }

  end(): void {
    this.#response.end(this.#gzip?.end());
  }

  /** The connection; it may be another answer's as well, earlier or later. */
  get socket(): Socket {
    return this.#response.socket ?? this.#response.req.socket;
  }

  get isInMemory(): boolean {
    return (this.socket as unknown) instanceof MemorySocket;
  }

  /** Resolves when everything written, the head included, was handed to the system. */
  flush(): Promise<void> {
    if (!this.#isOpen) return Promise.resolve();
    // A reply without a head has nothing to flush.
    if (this.#response.headersSent) this.#response.flushHeaders();
    return new Promise((resolve) => {
      this.#onPauseEnd = resolve;
      this.socket.write('', () => resolve());
    });
  }

  /** Ends the connection in the middle of the answer. */
  breakOff(by: 'fin' | 'rst'): void {
    if (by === 'rst') this.socket.resetAndDestroy();
    else this.socket.destroySoon();
  }
}

const noTimer = (): void => undefined;
