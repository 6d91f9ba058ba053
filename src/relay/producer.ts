// Reads one answer from upstream into its log. The log comes first: nothing reaches a reader that is not in it.

import { ConnectionError, releaseBody } from '../client/index.ts';
import type { ByteSource, TransportResponse } from '../client/index.ts';
import { ProtocolError, SseDecoder } from '../protocol/index.ts';
import type { EndRecord, EntryId, LogEnding, LogRecord, StreamLog } from '../storage/index.ts';
import { recordsOf } from './answer-frames.ts';
import { closingResponse, errorResponse } from './http.ts';
import type { RelayResponse } from './http.ts';
import { limitResponse } from './limits.ts';
import { Lease } from './lease.ts';
import { isStoreFull, StorageError, withStore } from './storage-error.ts';
import { failureOf, passedHeaders, passedResponse, readBytes } from './upstream.ts';

export interface ProducerOptions {
  readonly id: string;
  readonly name: string;
  readonly log: StreamLog;
  readonly now: () => number;
  /** Told of a store that fails, and of an upstream that cannot be reached. */
  readonly onError: (error: unknown) => void;
  /** Calls upstream. */
  readonly call: (signal: AbortSignal) => Promise<TransportResponse>;
}

/** What upstream said before any event. */
export type Opening =
  /** The log has what there is to read, were it only an ending. */
  | { readonly type: 'streaming'; readonly headers: Readonly<Record<string, string>> }
  /** The response that a client gets in place of a stream. */
  | { readonly type: 'refused'; readonly response: RelayResponse };

/** What is shown of an answer that is no stream; one that stays open is waited for no longer than this. */
const excerptLimits = { maxBytes: 200, maxMs: 1000 };

export class Producer {
  readonly #options: ProducerOptions;
  readonly #controller = new AbortController();
  readonly #opening = Promise.withResolvers<Opening>();
  readonly #lost = new AbortController();
  readonly #lease: Lease;
  /** How the log ends after an abort. */
  #abortEnding: LogEnding = { type: 'stopped' };
  #isClosing = false;
  #tail: EntryId = { epoch: 0, sequence: 0 };
  #body: ByteSource | undefined;

  constructor(options: ProducerOptions) {
    this.#options = options;
    this.#lease = new Lease({
      ...options,
      onStop: () => this.stop(),
      onLost: () => this.#abort(new StorageError('The lease was lost').ending),
    });
  }

  /** Resolves when upstream has answered, with a stream or without. Never rejects. */
  get opening(): Promise<Opening> {
    return this.#opening.promise;
  }

  /** Aborts when the log is left without an end: the store did not take it. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Closes the upstream call; the log ends `stopped`, and what came stays. */
  stop(): void {
    this.#abort({ type: 'stopped' });
  }

  /** Stops; a client that waits for upstream's answer is asked to come again. */
  close(): void {
    this.#isClosing = true;
    this.stop();
  }

  /** Works until the log has its end. Never rejects: what goes wrong is the log's ending. */
  async run(): Promise<void> {
    let end: EndRecord | undefined;
    try {
      end = await this.#work();
    } catch (error) {
      this.#options.onError(error);
      const failure =
        error instanceof StorageError ? error : new StorageError('Cannot go on', { cause: error });
      this.#abort(failure.ending);
      this.#refuse(
        isStoreFull(error) ? limitResponse('disk') : errorResponse(500, 'api_error', 'Internal server error'),
      );
      await this.#endAfterFailure(failure);
    } finally {
      await this.#lease.release();
      // After a whole answer the connection can serve the next call.
      await (end?.ending.type === 'complete' && this.#body !== undefined
        ? releaseBody(this.#body)
        : this.#body?.cancel());
    }
  }

  #abort(ending: LogEnding): void {
    if (this.#controller.signal.aborted) return;
    this.#abortEnding = ending;
    this.#controller.abort(new DOMException('The stream was stopped', 'AbortError'));
  }

  #refuse(response: RelayResponse): void {
    this.#opening.resolve({ type: 'refused', response });
  }

  /** Rejects with StorageError. Resolves with the end that was written, if it was this producer's to write. */
  async #work(): Promise<EndRecord | undefined> {
    const acquired = await this.#lease.acquire();
    if (acquired.type !== 'acquired') {
      this.#opening.resolve({ type: 'streaming', headers: {} });
      return undefined;
    }
    this.#tail = acquired.tail;
    const end = await this.#produce();
    if (end !== undefined) await this.#append([end]);
    return end;
  }

  async #produce(): Promise<EndRecord | undefined> {
    const { signal } = this.#controller;
    try {
      signal.throwIfAborted();
      const response = await this.#options.call(signal);
      this.#body = response.body;
      if (response.status !== 200 || !isEventStream(response)) return await this.#readRefusal(response);
      this.#opening.resolve({ type: 'streaming', headers: passedHeaders(response) });
      return await this.#readAll(response.body);
    } catch (error) {
      if (error instanceof StorageError) throw error;
      return signal.aborted ? this.#endOfAbort() : this.#endOfFailure(error);
    }
  }

  #endOfAbort(): EndRecord {
    if (this.#isClosing) this.#refuse(closingResponse());
    else this.#opening.resolve({ type: 'streaming', headers: {} });
    return { type: 'end', ending: this.#abortEnding };
  }

  #endOfFailure(error: unknown): EndRecord {
    const isUpstream = error instanceof ProtocolError || error instanceof ConnectionError;
    if (!(error instanceof ProtocolError)) this.#options.onError(error);
    const failure = failureOf(error);
    this.#refuse(errorResponse(isUpstream ? 502 : 500, 'api_error', failure.message));
    return { type: 'end', ending: { type: 'failed', ...failure } };
  }

  async #readAll(body: ByteSource): Promise<EndRecord | undefined> {
    const decoder = new SseDecoder();
    for (;;) {
      const chunk = await body.read();
      this.#controller.signal.throwIfAborted();
      const { records, end } = recordsOf(chunk === undefined ? decoder.end() : decoder.push(chunk));
      if (records.length > 0 && !(await this.#append(records))) return undefined;
      if (end !== undefined) return end;
      if (decoder.error !== undefined) throw decoder.error;
      if (chunk === undefined) return truncated;
    }
  }

  /** A response that is no stream: an error goes to the client as it is, anything else as an error of ours. */
  async #readRefusal(response: TransportResponse): Promise<EndRecord> {
    const { status, body } = response;
    if (status >= 400 && status < 600) {
      const passed = await passedResponse(response);
      this.#refuse(passed);
      const code = errorTypeOf(passed.body) ?? 'api_error';
      return { type: 'end', ending: { type: 'failed', code, message: `Upstream answered ${status}` } };
    }
    const type = response.headers.get('content-type') ?? 'no content type';
    const excerpt = textOf(await readBytes(body, excerptLimits)).slice(0, 80);
    const message = `Upstream answered ${status} with ${type}, not an event stream: ${JSON.stringify(excerpt)}`;
    this.#refuse(errorResponse(502, 'api_error', message));
    return { type: 'end', ending: { type: 'failed', code: 'not_an_event_stream', message } };
  }

  /** False when the stream is no longer this producer's; an ending that is due is written. */
  async #append(records: readonly LogRecord[]): Promise<boolean> {
    const result = await this.#tryAppend(this.#tail, records);
    if (result.type === 'appended') {
      this.#tail = result.tail;
      if (result.stopRequested) this.stop();
      return true;
    }
    if (result.type === 'full') await this.#tryAppend(this.#tail, [logFull]);
    return false;
  }

  #tryAppend(after: EntryId, records: readonly LogRecord[]): ReturnType<StreamLog['append']> {
    const { id, log } = this.#options;
    return withStore(`append to the stream ${id}`, () => log.append(id, { after, records }));
  }

  /** Readers wait for an ending: a store that failed once may take it all the same. */
  async #endAfterFailure(failure: StorageError): Promise<void> {
    const records: LogRecord[] = [{ type: 'end', ending: failure.ending }];
    try {
      let result = await this.#tryAppend(this.#tail, records);
      if (result.type === 'fenced' && result.tail.epoch === this.#tail.epoch)
        result = await this.#tryAppend(result.tail, records);
      if (result.type !== 'fenced') return;
    } catch (error) {
      this.#options.onError(error);
    }
    this.#lost.abort(failure);
  }
}

const truncated: EndRecord = {
  type: 'end',
  ending: {
    type: 'failed',
    code: 'truncated',
    message: 'The upstream answer ended before message_stop',
  },
};

const logFull: EndRecord = {
  type: 'end',
  ending: { type: 'failed', code: 'log_full', message: 'The answer is longer than a log may be' },
};

function isEventStream({ headers }: TransportResponse): boolean {
  return /^text\/event-stream\b/i.test(headers.get('content-type') ?? '');
}

function textOf(bytes: Uint8Array<ArrayBuffer>): string {
  return new TextDecoder().decode(bytes);
}

function errorTypeOf(body: Uint8Array<ArrayBuffer>): string | undefined {
  try {
    const { error } = JSON.parse(textOf(body)) as { error?: { type?: unknown } };
    return typeof error?.type === 'string' ? error.type : undefined;
  } catch {
    return undefined;
  }
}
