// The streams this relay works on: starts them, follows them, stops them. Every route stands on this.

import type { TransportResponse } from '../client/index.ts';
import type { CreateResult, EntryId, OpenRecord, StreamLog } from '../storage/index.ts';
import { randomId } from './http.ts';
import { Producer } from './producer.ts';
import type { Opening } from './producer.ts';
import { readLog } from './reader.ts';
import type { Encoder } from './reader.ts';

export interface StreamsOptions {
  readonly log: StreamLog;
  /** The longest silence on a reader's connection, in milliseconds. */
  readonly pingMs: number;
  readonly now: () => number;
}

export interface StartOptions {
  readonly owner: string;
  /** The body of the Messages request. */
  readonly request: string;
  readonly idempotencyKey?: string | undefined;
  readonly call: (signal: AbortSignal) => Promise<TransportResponse>;
  /** How long the stream goes on without any reader, in milliseconds; it is stopped then. Default: to its end. */
  readonly orphanMs?: number | undefined;
}

export type StartResult =
  | { readonly type: 'started'; readonly id: string; readonly opening: Promise<Opening> }
  | Exclude<CreateResult, { type: 'created' }>;

interface Running {
  readonly producer: Producer;
  readonly done: Promise<void>;
  readonly orphanMs: number | undefined;
  readers: number;
  orphanTimer: ReturnType<typeof setTimeout> | undefined;
}

export class Streams {
  readonly #options: StreamsOptions;
  readonly #name = `relay-${randomId()}`;
  readonly #running = new Map<string, Running>();

  constructor(options: StreamsOptions) {
    this.#options = options;
  }

  get log(): StreamLog {
    return this.#options.log;
  }

  /** Makes a stream and calls upstream for it. */
  async start({ owner, request, idempotencyKey, call, orphanMs }: StartOptions): Promise<StartResult> {
    const { log, now } = this.#options;
    const id = randomId();
    const open: OpenRecord = { type: 'open', owner, request, createdAt: now() };
    const created = await log.create({ id, open, idempotencyKey });
    if (created.type !== 'created') return created;
    const producer = new Producer({ id, name: this.#name, log, call });
    const done = producer.run().finally(() => this.#forget(id));
    const running: Running = { producer, done, orphanMs, readers: 0, orphanTimer: undefined };
    this.#running.set(id, running);
    this.#watch(id, running);
    return { type: 'started', id, opening: producer.opening };
  }

  /** The stream's text from `after` on, in the encoder's format. */
  async *follow(
    id: string,
    encoder: Encoder,
    { after, signal }: { after: EntryId; signal: AbortSignal },
  ): AsyncGenerator<string, void, undefined> {
    const running = this.#running.get(id);
    if (running !== undefined) running.readers += 1;
    clearTimeout(running?.orphanTimer);
    try {
      yield* readLog(this.log, encoder, { id, after, signal, pingMs: this.#options.pingMs });
    } finally {
      if (running !== undefined) {
        running.readers -= 1;
        this.#watch(id, running);
      }
    }
  }

  /** Stops a stream wherever it is produced; false when there is no such stream. Stopping again does no harm. */
  async stop(id: string): Promise<boolean> {
    const result = await this.log.requestStop(id);
    this.#running.get(id)?.producer.stop();
    return result !== 'gone';
  }

  /** Stops all streams of this relay, and waits for their logs to have their ends. */
  async close(): Promise<void> {
    const all = [...this.#running.values()];
    for (const { producer } of all) producer.stop();
    await Promise.all(all.map(({ done }) => done));
  }

  #watch(id: string, running: Running): void {
    const { orphanMs } = running;
    if (orphanMs === undefined || running.readers > 0 || !this.#running.has(id)) return;
    running.orphanTimer = setTimeout(() => void this.stop(id), orphanMs);
  }

  #forget(id: string): void {
    clearTimeout(this.#running.get(id)?.orphanTimer);
    this.#running.delete(id);
  }
}
