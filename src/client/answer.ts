// One answer, however many attempts it takes: retried before its first content, gone on with after it where that is
// asked for. Both `create` and `stream` stand on it.

import { errorOfEvent, MessageBuilder } from '../protocol/index.ts';
import type { ContentBlock, DeepReadonly, DoneEvent, ErrorEvent } from '../protocol/index.ts';
import type { Message, PartialJson, StreamEvent, ToolInput, Usage } from '../protocol/index.ts';
import { AnswerAttempts } from './answer-attempts.ts';
import type { AnswerRequest } from './answer-attempts.ts';
import type { AnswerSource, EventQueue } from './answer-source.ts';
import type { Reading } from './attempt.ts';
import { Continuation } from './continuation.ts';
import type { Rewind } from './continuation.ts';
import { TruncatedError } from './errors.ts';
import type { AttemptError, TimeoutError } from './errors.ts';
import { planRecovery } from './recovery.ts';
import type { ContinuationMode, RecoveryPlan } from './recovery.ts';
import { HeldBackSeam, Seam } from './seam.ts';
import { endingOf, isAborted } from './stream-ending.ts';
import type { SoFar, StreamEnding } from './stream-ending.ts';
import type { TransportResponse } from './transport.ts';
import { totalUsage } from './usage-record.ts';
import type { AttemptRecord, UsageRecord } from './usage-record.ts';

/** The answer broke off and is gone on with: blocks from `from_index` on are no more, whatever came of them. Only
 * with the option `recover`, or when another attempt began with another kind of block. */
export interface RecoverEvent {
  readonly type: 'recover';
  readonly from_index: number;
  /** The number of the attempt that goes on. */
  readonly attempt: number;
  /** The code of the error that ended the attempt before. */
  readonly reason: string;
}

/** An event as the client yields it: an error event is thrown, and a gateway's `[DONE]` means nothing. */
export type ClientEvent = Exclude<StreamEvent, DoneEvent | ErrorEvent> | RecoverEvent;

/** An answer of which another reader has had the beginning. */
export interface BegunAnswer {
  readonly events: Iterable<StreamEvent | RecoverEvent>;
  /** One for each request that was made. */
  readonly records: readonly UsageRecord[];
  /** How many of them went on with the answer. */
  readonly recoveries: number;
  readonly failure: AttemptError;
}

/** What the reader sees is one message; finished at `message_stop`, whatever the server does after that. */
export class Answer<Input extends ToolInput = PartialJson> implements AnswerSource<Input> {
  readonly #attempts: AnswerAttempts;
  readonly #controller: AbortController;
  readonly #onEnd: (() => void) | undefined;
  readonly #accumulator: MessageBuilder<Input>;
  #ending: StreamEnding | undefined;
  /** Maps the events of a further attempt; undefined during the first. */
  #continuation: Continuation | undefined;
  /** Whether anything of the content has come: before that another attempt costs the reader nothing. */
  #isCommitted = false;
  /** The block that was begun last and has not ended. */
  #open: { readonly index: number; readonly type: string } | undefined;
  /** Set when the attempt under way has ended otherwise than well. */
  #failure: AttemptError | undefined;

  /** `createInput` makes what reads a tool's input; `onEnd` is called once, when the answer has its ending. */
  constructor(
    request: AnswerRequest,
    { createInput, onEnd }: { createInput: () => Input; onEnd?: () => void },
  ) {
    this.#accumulator = new MessageBuilder(createInput);
    this.#attempts = new AnswerAttempts(request);
    this.#controller = request.controller;
    this.#onEnd = onEnd;
  }

  /** What has arrived so far: a live, read-only view. */
  get message(): DeepReadonly<Message> | undefined {
    return this.#accumulator.message;
  }

  /** How the answer ended; undefined while it goes on. */
  get ending(): StreamEnding | undefined {
    return this.#ending;
  }

  /** Whether anything of the content has come. */
  get isCommitted(): boolean {
    return this.#isCommitted;
  }

  /** Whether the last block has begun and not ended. */
  get isBlockOpen(): boolean {
    return this.#open !== undefined;
  }

  /** Every request made for it. */
  get attempts(): readonly AttemptRecord[] {
    return this.#attempts.records;
  }

  /** What all attempts took together. */
  get usage(): Usage | undefined {
    return totalUsage(this.#attempts.records);
  }

  /** The server's name for the request, of the latest attempt. */
  get requestId(): string | undefined {
    return this.#attempts.requestId;
  }

  /** Of the latest attempt; undefined before its headers are there. */
  get response(): TransportResponse | undefined {
    return this.#attempts.response;
  }

  inputOf(block: DeepReadonly<ContentBlock>): Input | undefined {
    return this.#accumulator.inputOf(block);
  }

  blockAt(index: number): DeepReadonly<ContentBlock> | undefined {
    return this.#accumulator.blockAt(index);
  }

  /** Sends the request, until a response has begun. Rejects with what the answer ended with. */
  async open(): Promise<void> {
    try {
      await this.#attempts.open();
    } catch (error) {
      this.#fail(error as AttemptError);
      throw this.#ending?.type === 'aborted' ? this.#ending.error : error;
    }
  }

  /**
   * Takes over an answer that somebody else has begun to read, in place of `open()`: what came of it, and why no more
   * does. The next chunk is that of a further attempt, if there may be one.
   */
  resume({ events, records, recoveries, failure }: BegunAnswer): void {
    this.#attempts.resume(records, recoveries);
    for (const event of events) {
      if (isRecover(event)) this.#drop(event.from_index);
      else this.#accept(event);
    }
    if (this.#ending === undefined) this.#failure = failure;
  }

  /**
   * The events of the next chunk, perhaps none. Each is accumulated when it is taken, so that `message` is never
   * ahead of it; all must be taken before the next chunk is asked for. `ending` says when there are no more.
   * Never rejects, and taking throws nothing.
   */
  async readChunk(): Promise<EventQueue> {
    if (this.#ending !== undefined) return [];
    if (this.#failure !== undefined) return this.#goOn(this.#failure);
    return this.#take(await this.#attempts.read());
  }

  /** Ends the transfer; the answer ends `aborted` unless it had ended before. */
  async cancel(reason: unknown): Promise<void> {
    if (this.#ending !== undefined) return;
    this.#end({ type: 'aborted', error: reason, ...this.#soFar() });
    await this.#attempts.cancel();
  }

  /** The first failure is the one that counts, and what comes behind it does not. */
  #take({ events, end }: Reading): EventQueue {
    let position = 0;
    /** What an event of a further attempt comes to. */
    let mapped: (StreamEvent | Rewind)[] = [];
    const shift = (): ClientEvent | undefined => {
      while (this.#ending === undefined && this.#failure === undefined) {
        const event = mapped.shift();
        let shown: ClientEvent | undefined;
        // An abort between two events of a chunk counts as one between two chunks.
        if (this.#controller.signal.aborted) this.#fail(this.#controller.signal.reason);
        else if (event !== undefined) shown = this.#show(event);
        else if (position < events.length) {
          const came = events[position] as StreamEvent;
          position += 1;
          this.#attempts.take(came);
          if (came.type === 'error') this.#failure = errorOfEvent(came);
          else if (this.#continuation === undefined) shown = this.#accept(came);
          else mapped = this.#continuation.push(came);
        } else {
          this.#failure = end === 'end' ? new TruncatedError(this.message, this.requestId) : end?.error;
          break;
        }
        if (shown !== undefined) return shown;
      }
      return undefined;
    };
    return { shift };
  }

  #show(event: StreamEvent | Rewind): ClientEvent | undefined {
    if (event.type === 'last_block_dropped') return this.#rewind((this.message?.content.length ?? 1) - 1);
    return this.#accept(this.#summed(event));
  }

  /** Takes an event into the message; undefined when it is not to be shown. */
  #accept(event: StreamEvent): ClientEvent | undefined {
    if (event.type === 'content_block_delta') this.#isCommitted = true;
    else this.#note(event);
    this.#accumulator.push(event);
    if (this.#accumulator.ending !== undefined) this.#settle();
    // A stream that makes no sense shows no more of it; a gateway's `[DONE]` means nothing.
    const isShown = event.type !== '[DONE]' && this.#failure === undefined;
    return isShown ? (event as ClientEvent) : undefined;
  }

  /** Takes over the accumulator's ending, if there is one. */
  #settle(): void {
    const { ending } = this.#accumulator;
    if (ending?.type === 'failed') this.#failure = ending.error;
    if (ending?.type !== 'complete') return;
    this.#end({ ...this.#soFar(), type: 'complete', message: ending.message });
    // Whatever the server still sends, nobody waits for it.
    this.#attempts.release();
  }

  /** Keeps what a failure is judged by. */
  #note(event: StreamEvent): void {
    if (event.type === 'content_block_start') {
      const { index, content_block } = event as { index: number; content_block: ContentBlock };
      this.#open = { index, type: content_block.type };
      // All other blocks say something by being there.
      this.#isCommitted ||= content_block.type !== 'text' && content_block.type !== 'thinking';
    } else if (event.type === 'content_block_stop') {
      this.#open = undefined;
    }
  }

  /** What all attempts took stands where the last one's figures would; and the model that went on, where it is
   * another than the one that began. */
  #summed(event: StreamEvent): StreamEvent {
    const { usage, message } = this;
    if (event.type !== 'message_delta' || usage === undefined) return event;
    const model = this.#continuation?.model ?? message?.model;
    const delta = model === message?.model ? event.delta : { ...event.delta, model };
    return { ...event, delta, usage };
  }

  /** Returns where the blocks begin that are no more. */
  #drop(keptBlocks: number): number {
    const fromIndex = this.#accumulator.rewind(keptBlocks);
    if (this.#open !== undefined && this.#open.index >= fromIndex) this.#open = undefined;
    return fromIndex;
  }

  #rewind(keptBlocks: number): RecoverEvent {
    const from_index = this.#drop(keptBlocks);
    const { records, lastReason } = this.#attempts;
    return { type: 'recover', from_index, attempt: records.length, reason: lastReason };
  }

  /** After a failure: another attempt, where there may be one, or the ending. */
  async #goOn(failure: AttemptError): Promise<EventQueue> {
    await this.#attempts.cancel();
    try {
      this.#controller.signal.throwIfAborted();
      // A stream that makes no sense has ended the message as well: nothing can be added to it.
      if (this.#accumulator.ending !== undefined) throw failure;
      // All is there but the word that it is: there is nothing to go on with, and nothing to pay for.
      if (this.#attempts.isRecovering && this.#isCommitted && this.message?.stop_reason != null) {
        this.#failure = undefined;
        return this.#take({ events: [{ type: 'message_stop' }] });
      }
      if (this.#isCommitted) return [await this.#recover(failure)];
      await this.#attempts.retry(failure);
      this.#failure = undefined;
      // What was seen of the message stands; nothing else was.
      if (this.message !== undefined)
        this.#continuation = new Continuation({ nextIndex: 0, open: this.#open });
    } catch (error) {
      this.#fail(error as AttemptError);
    }
    return [];
  }

  /** Rejects with `failure` when the answer cannot be gone on with. */
  async #recover(failure: AttemptError): Promise<RecoverEvent> {
    if (!this.#attempts.takeRecovery(failure)) throw failure;
    const planIn = (mode: ContinuationMode): RecoveryPlan => {
      const broken = { params: this.#attempts.params, blocks: this.message?.content ?? [] };
      const plan = planRecovery({ ...broken, isLastOpen: this.#open !== undefined }, mode);
      if (plan === undefined) throw failure;
      return plan;
    };
    const { keptBlocks, before, heldBack, mode } = await this.#attempts.goOn(failure, planIn);
    const event = this.#rewind(keptBlocks);
    // After a prefill the model goes on with its own words: there is nothing it could say again.
    const joint = mode === 'prefill' || heldBack !== '' ? new HeldBackSeam(heldBack) : new Seam(before ?? '');
    this.#continuation = new Continuation({
      nextIndex: event.from_index,
      open: this.#open,
      seam: before === undefined ? undefined : joint,
    });
    this.#isCommitted = keptBlocks > 0;
    this.#failure = undefined;
    return event;
  }

  #fail(error: AttemptError): void {
    if (this.#ending !== undefined) return;
    void this.#attempts.cancel();
    const { signal } = this.#controller;
    if (isAborted(signal)) return this.#end({ type: 'aborted', error: signal.reason, ...this.#soFar() });
    const failure = signal.aborted ? (signal.reason as TimeoutError) : error;
    if ('partial' in failure) failure.partial = this.message;
    if ('requestId' in failure) failure.requestId ??= this.requestId;
    this.#end(endingOf(failure, this.#soFar()));
  }

  #soFar(): SoFar {
    return { message: this.message, usage: this.usage, request_id: this.requestId };
  }

  #end(ending: StreamEnding): void {
    this.#ending = ending;
    this.#attempts.end(ending.type === 'complete' ? undefined : ending.error);
    this.#onEnd?.();
  }
}

function isRecover(event: StreamEvent | RecoverEvent): event is RecoverEvent {
  return event.type === 'recover';
}
