// An answer that another program reads from the API and passes on, as lines or as server-sent events. There is nothing
// to ask again here: whatever breaks, ends it.

import { MessageAccumulator } from '../protocol/index.ts';
import type {
  ContentBlock,
  DeepReadonly,
  Message,
  PartialJson,
  StreamEvent,
  Usage,
} from '../protocol/index.ts';
import type { ClientEvent, RecoverEvent } from './answer.ts';
import { endingOf } from './stream-ending.ts';
import type { SoFar, StreamEnding } from './stream-ending.ts';
import type { AnswerSource, EventQueue } from './answer-source.ts';
import { errorOfEventLine } from './error-line.ts';
import { ConnectionError, isCoded, TruncatedError } from './errors.ts';
import type { AttemptError } from './errors.ts';
import { ReaderError } from './reader-error.ts';
import type { AttemptRecord } from './usage-record.ts';

export interface EventDecoder {
  push(chunk: Uint8Array): Iterable<StreamEvent>;
  end(): Iterable<StreamEvent>;
}

export class PipedAnswer implements AnswerSource {
  readonly attempts: readonly AttemptRecord[] = [];
  readonly response = undefined;
  readonly requestId: string | undefined;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder: EventDecoder;
  readonly #signal: AbortSignal;
  readonly #accumulator = new MessageAccumulator();
  /** The index of every block that was begun: what a `recover` takes back is counted by it. */
  readonly #indexes = new Set<number>();
  #ending: StreamEnding | undefined;

  /** Throws a TypeError when somebody else reads the stream. */
  constructor(
    readable: ReadableStream<Uint8Array>,
    {
      decoder,
      signal,
      requestId,
    }: { decoder: EventDecoder; signal: AbortSignal; requestId?: string | undefined },
  ) {
    this.#reader = readable.getReader();
    this.#decoder = decoder;
    this.#signal = signal;
    this.requestId = requestId;
    signal.addEventListener('abort', () => void this.#letGo(signal.reason), { once: true });
  }

  get message(): DeepReadonly<Message> | undefined {
    return this.#accumulator.message;
  }

  get ending(): StreamEnding | undefined {
    return this.#ending;
  }

  get usage(): DeepReadonly<Usage> | undefined {
    return this.message?.usage;
  }

  inputOf(block: DeepReadonly<ContentBlock>): PartialJson | undefined {
    return this.#accumulator.inputOf(block);
  }

  blockAt(index: number): DeepReadonly<ContentBlock> | undefined {
    return this.#accumulator.blockAt(index);
  }

  open(): Promise<void> {
    return Promise.resolve();
  }

  async readChunk(): Promise<EventQueue> {
    if (this.#ending !== undefined) return [];
    try {
      this.#signal.throwIfAborted();
      const { value } = await this.#reader.read();
      this.#signal.throwIfAborted();
      const events = this.#take(value);
      return { shift: () => events.next().value ?? undefined };
    } catch (error) {
      this.#fail(error);
      return [];
    }
  }

  async cancel(reason: unknown): Promise<void> {
    if (this.#ending !== undefined) return;
    this.#ending = { type: 'aborted', error: reason, ...this.#soFar() };
    await this.#letGo(reason);
  }

  *#take(chunk: Uint8Array | undefined): Generator<ClientEvent, void, undefined> {
    try {
      const events = chunk === undefined ? this.#decoder.end() : this.#decoder.push(chunk);
      for (const event of events) {
        this.#signal.throwIfAborted();
        if (event.type === 'error') throw errorOfEventLine(event as unknown as Record<string, unknown>);
        this.#accumulate(event);
        if (event.type !== '[DONE]') yield event;
        if (this.#ending !== undefined) return;
      }
      if (chunk === undefined) throw new TruncatedError(this.message, this.requestId);
    } catch (error) {
      this.#fail(error);
    }
  }

  #accumulate(event: StreamEvent): void {
    if ('index' in event) this.#indexes.add(event.index as number);
    if ((event.type as string) === 'recover') this.#rewind(event as unknown as RecoverEvent);
    this.#accumulator.push(event);
    const { ending } = this.#accumulator;
    if (ending?.type === 'failed') throw ending.error;
    if (ending?.type !== 'complete') return;
    this.#ending = { ...this.#soFar(), type: 'complete', message: ending.message };
    void this.#letGo(undefined);
  }

  #rewind({ from_index }: RecoverEvent): void {
    const kept = [...this.#indexes].filter((index) => index < from_index);
    this.#accumulator.rewind(kept.length);
    this.#indexes.clear();
    for (const index of kept) this.#indexes.add(index);
  }

  #fail(cause: unknown): void {
    if (this.#ending !== undefined) return;
    const { aborted } = this.#signal;
    const error = aborted ? (this.#signal.reason as unknown) : cause;
    void this.#letGo(error);
    if (aborted || isAbort(error)) this.#ending = { type: 'aborted', error, ...this.#soFar() };
    else this.#ending = endingOf(this.#named(error), this.#soFar());
  }

  #soFar(): SoFar {
    return { message: this.message, usage: this.usage, request_id: this.requestId };
  }

  /** An error with all that is known of the answer. */
  #named(error: unknown): LineFailure {
    const isKnown = isCoded(error) || error instanceof ReaderError;
    const failure = isKnown ? error : new ConnectionError('body', messageOf(error), { cause: error });
    if ('requestId' in failure) failure.requestId ??= this.requestId;
    if ('partial' in failure) failure.partial = this.message;
    return failure;
  }

  /** Never rejects. */
  async #letGo(reason: unknown): Promise<void> {
    // One that has failed rejects with what its reader was told.
    await this.#reader.cancel(reason).catch(() => undefined);
  }
}

type LineFailure = AttemptError | ReaderError;

function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
