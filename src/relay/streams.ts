// The streams this relay works on: starts them, follows them, stops them. Every route stands on this.

import type { CreateResult, EntryId, OpenRecord, StreamLog, TakeoverTerms } from '../storage/index.ts';
import { takeAbandoned } from './abandoned.ts';
import { randomId } from './http.ts';
import { Producer } from './producer.ts';
import type { Opening, ProducerOptions } from './producer.ts';
import { readLog } from './reader.ts';
import type { Encoder } from './reader.ts';
import type { CallPolicy, PostMessages, StreamCall } from './stream-call.ts';

export interface StreamsOptions {
  readonly log: StreamLog;
  /** The longest silence on a reader's connection, in milliseconds. */
  readonly pingMs: number;
  readonly now: () => number;
  /** Told of what fails where no response tells it. */
  readonly onError: (error: unknown) => void;
  readonly policy: CallPolicy;
  /** How upstream is called for an answer that another process began. */
  readonly takeoverPoster: (terms: TakeoverTerms) => PostMessages;
}

export interface StartOptions {
  readonly owner: string;
  readonly idempotencyKey?: string | undefined;
  readonly call: StreamCall;
  /** Left out when no other process may go on with the answer. */
  readonly takeover?: TakeoverTerms | undefined;
  /** How long the stream goes on without any reader, in milliseconds; it is stopped then. Default: to its end. */
  readonly orphanMs?: number | undefined;
  /** The stream is stopped when this aborts. */
  readonly leaving?: AbortSignal | undefined;
}

export type StartResult =
  | { readonly type: 'started'; readonly id: string; readonly opening: Promise<Opening> }
  /** The relay takes no more. */
  | { readonly type: 'closing' }
  | Exclude<CreateResult, { type: 'created' }>;

interface Running {
  readonly producer: Producer;
  readonly done: Promise<void>;
  readonly orphanMs: number | undefined;
  readers: number;
  orphanTimer: ReturnType<typeof setTimeout> | undefined;
}

type ProducerWork = Pick<ProducerOptions, 'call' | 'isTakeover'>;

/** How often streams are looked for that nobody holds, in milliseconds. */
const sweepMs = 5_000;

export class Streams {
  readonly #options: StreamsOptions;
  readonly #name = `relay-${randomId()}`;
  readonly #running = new Map<string, Running>();
  /** Streams that are in the log, or about to be, and have no producer yet. */
  readonly #starting = new Set<Promise<unknown>>();
  /** The ids of all that is starting or running here. */
  readonly #own = new Set<string>();
  #sweepTimer: ReturnType<typeof setInterval> | undefined;
  /** Resolves when the sweep under way is over. */
  #sweep: Promise<void> = Promise.resolve();
  /** Told when nothing runs any more. */
  #tellIdle: (() => void) | undefined;
  #isDraining = false;
  #isClosing = false;

  constructor(options: StreamsOptions) {
    this.#options = options;
  }

  get log(): StreamLog {
    return this.#options.log;
  }

  /** Goes on with what a process before left open, or ends it; and later with what nobody holds. Never rejects. */
  async takeCare(): Promise<void> {
    await this.#takeAbandoned();
    if (this.#isClosing) return;
    this.#sweepTimer ??= setInterval(() => void this.#takeAbandoned(), sweepMs);
    // No reason to keep a process alive, where that is the timer's to say.
    (this.#sweepTimer as { unref?: () => unknown }).unref?.();
  }

  /** Makes a stream and calls upstream for it. */
  async start(options: StartOptions): Promise<StartResult> {
    if (this.#isDraining || this.#isClosing) return { type: 'closing' };
    const starting = this.#start(options);
    this.#starting.add(starting);
    try {
      return await starting;
    } finally {
      this.#starting.delete(starting);
      this.#checkIdle();
    }
  }

  /** Starts no more; resolves when all streams of this relay have their ends by themselves. */
  drain(): Promise<void> {
    this.#isDraining = true;
    return new Promise((resolve) => {
      this.#tellIdle = resolve;
      this.#checkIdle();
    });
  }

  /** The stream's text from `after` on, in the encoder's format. */
  async *follow(
    id: string,
    encoder: Encoder,
    { after, signal }: { after: EntryId; signal: AbortSignal },
  ): AsyncGenerator<string, void, undefined> {
    const { pingMs, onError } = this.#options;
    const running = this.#running.get(id);
    if (running !== undefined) running.readers += 1;
    clearTimeout(running?.orphanTimer);
    try {
      yield* readLog(this.log, encoder, { id, after, signal, pingMs, onError, lost: running?.producer.lost });
    } finally {
      if (running !== undefined) {
        running.readers -= 1;
        this.#watch(id, running);
      }
    }
  }

  /** Stops a stream wherever it is produced; false when there is no such stream. Stopping again does no harm.
   * What is produced here stops in any case, also when the store fails and this rejects. */
  async stop(id: string): Promise<boolean> {
    this.#running.get(id)?.producer.stop();
    return (await this.log.requestStop(id)) !== 'gone';
  }

  /** Starts no more, stops all streams of this relay, and waits for their logs to have their ends. */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearInterval(this.#sweepTimer);
    await this.#sweep;
    while (this.#starting.size + this.#running.size > 0) {
      const running = [...this.#running.values()];
      for (const { producer } of running) producer.close();
      await Promise.allSettled([...this.#starting, ...running.map(({ done }) => done)]);
    }
  }

  async #start(options: StartOptions): Promise<StartResult> {
    const id = randomId();
    this.#own.add(id);
    try {
      return await this.#startAs(id, options);
    } finally {
      if (!this.#running.has(id)) this.#own.delete(id);
    }
  }

  async #startAs(
    id: string,
    { owner, idempotencyKey, call, takeover, orphanMs, leaving }: StartOptions,
  ): Promise<StartResult> {
    const { log, now } = this.#options;
    const open: OpenRecord = {
      type: 'open',
      owner,
      request: call.request,
      createdAt: now(),
      ...(takeover === undefined ? {} : { takeover }),
    };
    const created = await log.create({ id, open, idempotencyKey });
    if (created.type !== 'created') return created;
    if (this.#isClosing) {
      await log.requestStop(id);
      return { type: 'closing' };
    }
    const producer = this.#run(id, { call, orphanMs });
    if (leaving?.aborted) this.#stopUnread(id);
    leaving?.addEventListener('abort', () => this.#stopUnread(id), { once: true });
    return { type: 'started', id, opening: producer.opening };
  }

  #run(id: string, { orphanMs, ...work }: ProducerWork & { orphanMs: number | undefined }): Producer {
    const { log, now, onError, policy } = this.#options;
    const producer = new Producer({ id, name: this.#name, log, now, onError, policy, ...work });
    const done = producer.run().finally(() => this.#forget(id));
    const running: Running = { producer, done, orphanMs, readers: 0, orphanTimer: undefined };
    this.#own.add(id);
    this.#running.set(id, running);
    this.#watch(id, running);
    return producer;
  }

  /** Goes on with what another process began. */
  #takeOver(id: string, { request, takeover }: OpenRecord): boolean {
    if (takeover === undefined || this.#options.policy.settings.recover === undefined || this.#isClosing)
      return false;
    const post = this.#options.takeoverPoster(takeover);
    const call = { request, post, retries: true, recovers: true, canRewind: true };
    this.#run(id, { call, isTakeover: true, orphanMs: takeover.orphanMs });
    return true;
  }

  /** Stops a stream when nobody is there to be told of an error. */
  #stopUnread(id: string): void {
    this.stop(id).catch(this.#options.onError);
  }

  #watch(id: string, running: Running): void {
    const { orphanMs } = running;
    if (orphanMs === undefined || running.readers > 0 || !this.#running.has(id)) return;
    running.orphanTimer = setTimeout(() => this.#stopUnread(id), orphanMs);
  }

  #forget(id: string): void {
    clearTimeout(this.#running.get(id)?.orphanTimer);
    this.#running.delete(id);
    this.#own.delete(id);
    this.#checkIdle();
  }

  #checkIdle(): void {
    if (this.#starting.size + this.#running.size === 0) this.#tellIdle?.();
  }

  /** One at a time: each waits for the one before. */
  #takeAbandoned(): Promise<void> {
    const options = {
      log: this.log,
      name: this.#name,
      isOwn: (id: string) => this.#own.has(id),
      takeOver: (id: string, open: OpenRecord) => this.#takeOver(id, open),
    };
    this.#sweep = this.#sweep.then(() => takeAbandoned(options)).catch(this.#options.onError);
    return this.#sweep;
  }
}
