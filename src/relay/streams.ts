// The streams this relay works on: starts them, follows them, stops them. Every route stands on this.

import type { EntryId, LogEnding, OpenRecord, StreamLog, TakeoverTerms } from '../storage/index.ts';
import { meteredPost } from './access/metered-post.ts';
import type { OwnerAccounts } from './access/owner-accounts.ts';
import { OwnerLimitError } from './access/owner-limit-error.ts';
import type { Turn } from './access/turn.ts';
import { takeAbandoned } from './abandoned.ts';
import { endOf } from './failure.ts';
import { randomId } from './http.ts';
import type { TextStream } from './http.ts';
import { interruptedEnding } from './last-words.ts';
import type { RelayLimits } from './limits.ts';
import type { MendedBreak } from './log-line.ts';
import { LostStreams } from './lost-streams.ts';
import { NewLogs } from './new-logs.ts';
import { openRecord } from './open-record.ts';
import { Parting } from './parting.ts';
import { Producer } from './producer.ts';
import type { ProducerOptions } from './producer.ts';
import { policyFor } from './owner-policy.ts';
import { readLog } from './reader.ts';
import { ReaderCount } from './reader-count.ts';
import { comeBackMs, RunningStream } from './running-stream.ts';
import type { ReaderPlace } from './reader-count.ts';
import type { Encoder } from './encoder.ts';
import type { Following } from './read-options.ts';
import type { CostOf } from './telemetry/stream-watch.ts';
import type { ReaderOutcome, RelayTelemetry } from './telemetry/telemetry.ts';
import { pageCall } from './stream-call.ts';
import type { CallPolicy, PostMessages } from './stream-call.ts';
import type { StartOptions, StartResult } from './start-options.ts';

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
  readonly limits: RelayLimits;
  readonly accounts: OwnerAccounts;
  /** Told of a call that broke without the answer failing. */
  readonly onBreak: (id: string, mended: MendedBreak) => void;
  /** Looks after what a stream of a process before is part of; false when it has no place there, and goes. */
  readonly restore: (id: string, open: OpenRecord) => Promise<boolean>;
  /** Told when a stream of this relay has its end, or is left to another process. */
  readonly onEnded?: ((id: string, options: { isHandedOver: boolean }) => Promise<void>) | undefined;
  readonly telemetry?: Required<RelayTelemetry> | undefined;
  readonly costOf: CostOf;
  /** The only models an owner may ask for; undefined for any. */
  readonly modelsOf: (owner: string) => readonly string[] | undefined;
}

interface Work extends Pick<ProducerOptions, 'call' | 'isTakeover'> {
  readonly open: OpenRecord;
  readonly turn: Turn;
  readonly waitMs?: number | undefined;
  readonly orphanMs: number | undefined;
}

/** How old an answer may be to be gone on with by another process. */
const oldestTakeoverMs = 60 * 60 * 1000;

/** How often streams are looked for that nobody holds, in milliseconds. */
const sweepMs = 5_000;

export class Streams {
  readonly #options: StreamsOptions;
  /** Who follows streams here, live or after their end. */
  readonly readers: ReaderCount;
  readonly #logs: NewLogs;
  readonly #name = `relay-${randomId()}`;
  readonly #running = new Map<string, RunningStream>();
  /** Streams that are in the log, or about to be, and have no producer yet. */
  readonly #starting = new Set<Promise<unknown>>();
  readonly #lost = new LostStreams();
  /** The ids of all that is starting or running here. */
  readonly #own = new Set<string>();
  #sweepTimer: ReturnType<typeof setInterval> | undefined;
  /** Resolves when the sweep under way is over. */
  #sweep: Promise<void> = Promise.resolve();
  readonly #parting = new Parting();
  /** Resolves when nothing runs any more; made by who drains. */
  #idle: PromiseWithResolvers<void> | undefined;
  #isDraining = false;
  #isClosing = false;
  readonly #onReaderEnded = (outcome: ReaderOutcome): void => this.#options.telemetry?.readerEnded(outcome);
  /** Of what is not produced here. */
  readonly #elsewhere: Following = { onEnd: this.#onReaderEnded };

  constructor(options: StreamsOptions) {
    this.#options = options;
    this.readers = new ReaderCount(options.limits);
    this.#logs = new NewLogs(options.log);
  }

  /** How many are produced here. */
  get openCount(): number {
    return this.#running.size;
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
    if (this.#own.size >= this.#options.limits.maxOpenStreams)
      return (await this.#madeBefore(options)) ?? { type: 'busy' };
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
    this.#idle ??= Promise.withResolvers();
    this.#checkIdle();
    return this.#idle.promise;
  }

  /** The stream's text from `after` on, in the encoder's format. The place is given back when reading is over. */
  follow(
    id: string,
    encoder: Encoder,
    { after, signal, place }: { after: EntryId; signal: AbortSignal; place: ReaderPlace },
  ): TextStream {
    const { pingMs, onError, limits, policy } = this.#options;
    const onBegin = (): Following =>
      this.#running.get(id)?.enter() ?? this.#lost.following(id, this.#elsewhere);
    // Those that came together do not all come back together.
    const maxAgeMs = limits.maxConnectionAgeMs * (0.9 + 0.2 * policy.settings.random());
    const ends = { parting: this.#parting, dismissal: place.dismissal, maxAgeMs };
    const onClose = place.leave;
    // Who leaves before there was anything to read may never begin.
    signal.addEventListener('abort', onClose, { once: true });
    if (signal.aborted) onClose();
    return readLog(this.log, encoder, { id, after, signal, pingMs, onError, onBegin, onClose, ...ends });
  }

  /** How many answers of its owner it waits for, and itself; undefined for one that does not wait here. */
  positionOf(id: string): number | undefined {
    return this.#running.get(id)?.turn.position || undefined;
  }

  /** Stops a stream wherever it is produced; false when there is no such stream. Stopping again does no harm.
   * What is produced here stops in any case, also when the store fails and this rejects. */
  async stop(id: string): Promise<boolean> {
    this.#running.get(id)?.producer.stop();
    return (await this.log.requestStop(id)) !== 'gone';
  }

  /** Stops a stream and removes its log: readers get its end, or `stream_gone`. */
  async remove(id: string): Promise<void> {
    await this.stop(id);
    await this.#running.get(id)?.done;
    await this.log.delete(id);
  }

  /** Starts no more, stops all streams of this relay, and waits for their logs to have their ends. With `handOver`
   * those that another process may go on with are left to it, at once. Readers of what has no end are sent away. */
  async close({ handOver }: { handOver: boolean }): Promise<void> {
    this.#isClosing = true;
    clearInterval(this.#sweepTimer);
    await this.#sweep;
    while (this.#starting.size + this.#running.size > 0) {
      const running = [...this.#running.values()];
      for (const { producer, open } of running) {
        if (handOver && this.log.outlivesProcess && this.#mayBeTakenOver(open)) producer.handOver();
        else producer.close();
      }
      await Promise.allSettled([...this.#starting, ...running.map(({ done }) => done)]);
    }
    this.#parting.begin();
  }

  async #start(options: StartOptions): Promise<StartResult> {
    const turn = this.#turnFor(options);
    if (turn instanceof OwnerLimitError)
      return (await this.#madeBefore(options)) ?? { type: 'limited', response: turn.response };
    const id = randomId();
    this.#own.add(id);
    try {
      return await this.#startAs(id, options, turn);
    } finally {
      if (!this.#running.has(id)) {
        this.#own.delete(id);
        turn.release();
      }
    }
  }

  /** What was begun before can be attached to also where nothing more may begin. */
  async #madeBefore(start: StartOptions): Promise<StartResult | undefined> {
    const { idempotencyKey } = start;
    const open = openRecord(start, this.#options.now());
    return idempotencyKey === undefined ? undefined : this.#logs.made({ open, idempotencyKey });
  }

  #turnFor({ owner, body }: StartOptions): Turn | OwnerLimitError {
    try {
      return this.#options.accounts.enter(owner, body);
    } catch (error) {
      if (error instanceof OwnerLimitError) return error;
      throw error;
    }
  }

  async #startAs(id: string, start: StartOptions, turn: Turn): Promise<StartResult> {
    const { log, now } = this.#options;
    const { idempotencyKey, call, orphanMs, leaving, waitMs, onCreated } = start;
    const open = openRecord(start, now());
    const created = await this.#logs.create({ id, open, idempotencyKey }, onCreated);
    if (created.type !== 'created') return created;
    if (this.#isClosing) {
      await log.requestStop(id);
      return { type: 'closing' };
    }
    const isWaiting = turn.position > 0;
    const running = this.#run(id, { call, open, orphanMs, turn, waitMs });
    if (orphanMs !== 0) running.watch();
    const leave = (): void => {
      if (orphanMs === undefined || !running.hasReaders) this.#stopUnread(id);
    };
    if (leaving?.aborted) leave();
    leaving?.addEventListener('abort', leave, { once: true });
    return { type: 'started', id, opening: running.producer.opening, isWaiting };
  }

  #run(id: string, { open, turn, waitMs = Infinity, orphanMs, call, isTakeover }: Work): RunningStream {
    const { log, now, onError, accounts, telemetry, costOf } = this.#options;
    const { owner } = open;
    const policy = policyFor(open.owner, this.#options);
    const onBreak = (mended: MendedBreak): void => this.#options.onBreak(id, mended);
    const post = accounts.hasQuota(owner)
      ? meteredPost(call.post, turn, (body) => accounts.prospectOf(owner, body))
      : call.post;
    const begin = (signal: AbortSignal) => turn.start(signal, waitMs);
    const work = { call: { ...call, post }, isTakeover, begin };
    const context = { log, now, onError, onBreak, policy, telemetry, costOf };
    const producer = new Producer({ id, name: this.#name, ...context, ...work });
    turn.onOver = ({ error }) => producer.fail(error);
    const onOrphaned = (): void => this.#stopUnread(id);
    const onOver = (): Promise<void> => this.#ended(id);
    const onReaderEnded = this.#onReaderEnded;
    const hooks = { onOrphaned, onOver, onReaderEnded };
    const running = new RunningStream({ producer, turn, open, orphanMs }, hooks);
    this.#own.add(id);
    this.#running.set(id, running);
    return running;
  }

  /** Whether a process that did not begin the stream would try to go on with it. */
  #mayBeTakenOver(open: OpenRecord): open is OpenRecord & { takeover: TakeoverTerms } {
    const { policy, now } = this.#options;
    // Who waited for an old one has gone, and would pay for it.
    const isOld = now() - open.createdAt > oldestTakeoverMs;
    return open.takeover !== undefined && policy.settings.recover !== undefined && !isOld;
  }

  /** Goes on with what another process began; where that is not possible, says how it ends. */
  #takeOver(id: string, open: OpenRecord): LogEnding | undefined {
    // It is the next one's to judge.
    if (this.#isClosing) return undefined;
    if (!this.#mayBeTakenOver(open)) return interruptedEnding;
    const { request, takeover, owner } = open;
    if (takeover.endsWithKey === true && !this.#options.accounts.hasKey(owner))
      return endOf(new OwnerLimitError('removed')).ending;
    const { holdsTools } = takeover;
    const call = { ...pageCall(request, this.#options.takeoverPoster(takeover)), holdsTools };
    // Its readers have yet to come back.
    const orphanMs = takeover.orphanMs === undefined ? undefined : Math.max(takeover.orphanMs, comeBackMs);
    const turn = this.#options.accounts.takeOver(owner, request);
    if (turn === undefined) return interruptedEnding;
    this.#run(id, { call, open, turn, isTakeover: true, orphanMs }).watch();
    return undefined;
  }

  /** Stops a stream when nobody is there to be told of an error. */
  #stopUnread(id: string): void {
    // Who leaves because the relay goes wants the rest all the same.
    if (this.#isClosing) return;
    this.stop(id).catch(this.#options.onError);
  }

  async #ended(id: string): Promise<void> {
    const { onEnded, onError } = this.#options;
    const isHandedOver = this.#running.get(id)?.producer.isHandedOver === true;
    try {
      await onEnded?.(id, { isHandedOver }).catch(onError);
    } finally {
      this.#forget(id);
    }
  }

  #forget(id: string): void {
    const running = this.#running.get(id);
    running?.close();
    if (running?.producer.isUnwritten) this.#lost.add(id, running.loss);
    this.#running.delete(id);
    this.#own.delete(id);
    this.#checkIdle();
  }

  #checkIdle(): void {
    if (this.#starting.size + this.#running.size === 0) this.#idle?.resolve();
  }

  /** One at a time: each waits for the one before. */
  #takeAbandoned(): Promise<void> {
    // Begun now it would only be handed on.
    if (this.#isDraining || this.#isClosing) return this.#sweep;
    const options = {
      log: this.log,
      name: this.#name,
      isOwn: (id: string) => this.#own.has(id),
      takeOver: (id: string, open: OpenRecord) => this.#takeOver(id, open),
      restore: (id: string, open: OpenRecord) => this.#options.restore(id, open),
      onInterrupted: () => this.#options.telemetry?.interrupted(),
      onFailed: this.#lost.take,
    };
    this.#sweep = this.#sweep
      .then(() => takeAbandoned(options))
      .catch(this.#options.onError)
      .then(() => this.#lost.forgetFound(this.log, (id) => this.#running.has(id)))
      .catch(this.#options.onError);
    return this.#sweep;
  }
}
