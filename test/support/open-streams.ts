// How many connections a server of this process has that read event streams.

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

interface StartedRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly server: Server;
}

export class OpenStreams implements Disposable {
  readonly #open = new Set<ServerResponse>();
  readonly #port: number;
  readonly #waiting = new Set<() => void>();

  /** Looks at the server of this port from now on. */
  constructor(port: number) {
    this.#port = port;
    subscribe('http.server.request.start', this.#onRequest);
  }

  get count(): number {
    return this.#open.size;
  }

  /** Resolves when there are so many, or fewer: a browser closes what a page has cut in its own time. */
  untilAtMost(count: number): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.#open.size > count) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
      look();
    });
  }

  [Symbol.dispose](): void {
    unsubscribe('http.server.request.start', this.#onRequest);
  }

  readonly #onRequest = (message: unknown): void => {
    const { request, response, server } = message as StartedRequest;
    if ((server.address() as AddressInfo).port !== this.#port) return;
    if (request.headers.accept !== 'text/event-stream') return;
    this.#open.add(response);
    response.once('close', () => {
      this.#open.delete(response);
      for (const look of this.#waiting) look();
    });
  };
}
