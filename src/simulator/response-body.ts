// The body of a response as `fetch` gives it: a byte stream. Where the connection breaks, the reader gets every byte
// that came before, and then the error.

import type { IncomingMessage } from 'node:http';

import { GzipDecoder } from './gzip-decoder.ts';
import type { MemorySocket } from './memory-socket.ts';

export class ResponseBody {
  readonly stream: ReadableStream<Uint8Array>;
  readonly #socket: MemorySocket;
  readonly #decoder: GzipDecoder | undefined;
  /** What has come and was not asked for yet: no more than one write of the server. */
  #chunks: Uint8Array[] = [];
  /** How many of them were handed on. */
  #taken = 0;
  /** How the body ended; undefined while it has not. */
  #ending: { readonly error?: unknown } | undefined;
  /** Ends the wait for a chunk; undefined while nobody waits. */
  #onChange: (() => void) | undefined;
  #fail: (reason: unknown) => void = () => undefined;
  readonly #onLeft: () => void;

  /** Reads the message from now on; `onLeft` is called when its reader has come to the end, or wants no more. */
  constructor(message: IncomingMessage, socket: MemorySocket, onLeft: () => void) {
    this.#socket = socket;
    this.#onLeft = onLeft;
    this.#decoder = message.headers['content-encoding'] === 'gzip' ? new GzipDecoder() : undefined;
    message.on('data', (chunk: Buffer) => {
      socket.hold();
      this.#chunks.push(chunk);
      this.#onChange?.();
    });
    message.once('end', () => {
      this.#end({});
      // Kept alive, it would wait for a request that never comes.
      socket.destroy();
    });
    message.once('error', (cause) => this.#end({ error: new TypeError('terminated', { cause }) }));
    message.once('close', () => this.#end({}));
    this.stream = new ReadableStream(
      {
        type: 'bytes',
        start: (controller) => {
          this.#fail = (reason) => controller.error(reason);
        },
        pull: (controller) => this.#pull(controller),
        cancel: () => this.#leave(),
      },
      { highWaterMark: 0 },
    );
  }

  /** The reader gets the reason, and none of the bytes it has not read. */
  abort(reason: unknown): void {
    this.#fail(reason);
    this.#leave();
  }

  #leave(): void {
    this.#end({});
    this.#decoder?.close();
    this.#socket.destroy();
    this.#onLeft();
  }

  #end(ending: { error?: unknown }): void {
    this.#ending ??= ending;
    this.#onChange?.();
  }

  async #pull(controller: ReadableByteStreamController): Promise<void> {
    const chunk = await this.#next();
    if (chunk !== undefined) return controller.enqueue(chunk);
    this.#leave();
    if (this.#ending !== undefined && 'error' in this.#ending) throw this.#ending.error;
    controller.close();
    controller.byobRequest?.respond(0);
  }

  /** Undefined at the end. */
  async #next(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    for (;;) {
      const chunk = this.#chunks[this.#taken];
      if (chunk !== undefined) {
        this.#taken += 1;
        // A copy, for the stream makes the memory its own.
        const bytes = new Uint8Array((await this.#decoder?.decode(chunk)) ?? chunk);
        if (bytes.length > 0) return bytes;
      } else if (this.#ending === undefined) await this.#more();
      else return undefined;
    }
  }

  async #more(): Promise<void> {
    this.#chunks = [];
    this.#taken = 0;
    const change = new Promise<void>((resolve) => {
      this.#onChange = () => {
        this.#onChange = undefined;
        resolve();
      };
    });
    this.#socket.release();
    await change;
  }
}
