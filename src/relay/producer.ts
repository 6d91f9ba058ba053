// Reads one answer from upstream into its log. The log comes first: nothing reaches a reader that is not in it.

import { ConnectionError, readText } from '../client/index.ts';
import type { TransportResponse } from '../client/index.ts';
import { parseStreamEvent, ProtocolError, SseDecoder } from '../protocol/index.ts';
import type { ServerSentEvent } from '../protocol/index.ts';
import type { EntryId, EventRecord, LogEnding, LogRecord, StreamLog } from '../storage/index.ts';
import { errorResponse } from './http.ts';
import type { RelayResponse } from './http.ts';
import { passedHeaders, passedResponse } from './upstream.ts';

export interface ProducerOptions {
  readonly id: string;
  readonly name: string;
  readonly log: StreamLog;
  /** Calls upstream. */
  readonly call: (signal: AbortSignal) => Promise<TransportResponse>;
}

/** What upstream said before any event. */
export type Opening =
  | { readonly type: 'streaming'; readonly headers: Readonly<Record<string, string>> }
  /** The response that a client gets in place of a stream. */
  | { readonly type: 'refused'; readonly response: RelayResponse };

/** How long a producer may be silent before another may take its stream. */
const leaseMs = 5_000;

export class Producer {
  readonly #options: ProducerOptions;
  readonly #controller = new AbortController();
  readonly #opening = Promise.withResolvers<Opening>();
  #tail: EntryId = { epoch: 0, sequence: 0 };

  constructor(options: ProducerOptions) {
    this.#options = options;
  }

  /** Resolves when upstream has answered, with a stream or without. Never rejects. */
  get opening(): Promise<Opening> {
    return this.#opening.promise;
  }

  /** Closes the upstream call; the log ends `stopped`, and what came stays. */
  stop(): void {
    this.#controller.abort(new DOMException('The stream was stopped', 'AbortError'));
  }

  /** Works until the log has its end. Never rejects: what goes wrong is the log's ending. */
  async run(): Promise<void> {
    const { id, name, log } = this.#options;
    const renewal = setInterval(() => void this.#renew(), leaseMs / 3);
    try {
      const acquired = await log.acquire(id, name, leaseMs);
      if (acquired.type !== 'acquired') return;
      this.#tail = acquired.tail;
      await this.#end(await this.#produce());
    } finally {
      clearInterval(renewal);
      this.#opening.resolve({
        type: 'refused',
        response: errorResponse(500, 'api_error', 'The stream is no longer here'),
      });
      await log.release(id, name);
    }
  }

  async #produce(): Promise<LogEnding | undefined> {
    try {
      const response = await this.#options.call(this.#controller.signal);
      const isStream = /^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '');
      if (response.status !== 200 || !isStream) return await this.#refuse(response);
      this.#opening.resolve({ type: 'streaming', headers: passedHeaders(response) });
      return await this.#readAll(response);
    } catch (error) {
      if (this.#controller.signal.aborted) return { type: 'stopped' };
      const ending = failureOf(error);
      const response = errorResponse(502, 'api_error', `The upstream call failed: ${ending.message}`);
      this.#opening.resolve({ type: 'refused', response });
      return ending;
    }
  }

  async #readAll({ body }: TransportResponse): Promise<LogEnding | undefined> {
    const decoder = new SseDecoder();
    try {
      for (;;) {
        const chunk = await body.read();
        this.#controller.signal.throwIfAborted();
        const { records, ending } = readFrames(chunk === undefined ? decoder.end() : decoder.push(chunk));
        if (records.length > 0 && !(await this.#append(records))) return undefined;
        if (ending !== undefined) return ending;
        if (decoder.error !== undefined) throw decoder.error;
        if (chunk === undefined) return truncated;
      }
    } finally {
      await body.cancel();
    }
  }

  /** A response that is no stream: an error goes to the client as it is, anything else as an error of ours. */
  async #refuse(response: TransportResponse): Promise<LogEnding> {
    if (response.status === 200) {
      const type = response.headers.get('content-type') ?? 'no content type';
      const excerpt = (await readText(response.body, 200)).slice(0, 80);
      const message = `Upstream answered 200 with ${type}, not an event stream: ${JSON.stringify(excerpt)}`;
      this.#opening.resolve({ type: 'refused', response: errorResponse(502, 'api_error', message) });
      return { type: 'failed', code: 'not_an_event_stream', message };
    }
    const passed = await passedResponse(response);
    this.#opening.resolve({ type: 'refused', response: passed });
    const code = errorTypeOf(passed.body) ?? 'api_error';
    return { type: 'failed', code, message: `Upstream answered ${response.status}` };
  }

  /** False when the stream is no longer this producer's; an ending that is due is written. */
  async #append(records: readonly LogRecord[]): Promise<boolean> {
    const result = await this.#options.log.append(this.#options.id, { after: this.#tail, records });
    if (result.type === 'appended') {
      this.#tail = result.tail;
      if (result.stopRequested) this.stop();
      return true;
    }
    if (result.type === 'full') {
      await this.#end({
        type: 'failed',
        code: 'log_full',
        message: 'The answer is longer than a log may be',
      });
    }
    return false;
  }

  async #end(ending: LogEnding | undefined): Promise<void> {
    if (ending !== undefined) await this.#append([{ type: 'end', ending }]);
  }

  async #renew(): Promise<void> {
    const { id, name, log } = this.#options;
    try {
      const { held, stopRequested } = await log.renew(id, name, leaseMs);
      if (held && !stopRequested) return;
    } catch {
      // A store that cannot be asked cannot tell whether the stream is still this producer's: treated as lost.
    }
    this.stop();
  }
}

const truncated: LogEnding = {
  type: 'failed',
  code: 'truncated',
  message: 'The upstream answer ended before message_stop',
};

/** The records of some frames, up to the one that ends the answer. */
function readFrames(frames: readonly ServerSentEvent[]): {
  records: EventRecord[];
  ending: LogEnding | undefined;
} {
  const records: EventRecord[] = [];
  for (const { event, data } of frames) {
    records.push(event === undefined ? { type: 'event', data } : { type: 'event', event, data });
    const ending = endingOf(event, data);
    if (ending !== undefined) return { records, ending };
  }
  return { records, ending: undefined };
}

/** Only the frames that can end an answer are parsed; deltas pass as they are. */
function endingOf(event: string | undefined, data: string): LogEnding | undefined {
  if (event === 'message_stop') return { type: 'complete' };
  if (event !== 'error' && event !== undefined) return undefined;
  try {
    const parsed = parseStreamEvent({ event, data });
    if (parsed.type === 'message_stop') return { type: 'complete' };
    if (parsed.type !== 'error') return undefined;
    return { type: 'failed', code: parsed.error.type, message: parsed.error.message };
  } catch (error) {
    return failureOf(error);
  }
}

function failureOf(error: unknown): Extract<LogEnding, { type: 'failed' }> {
  if (error instanceof ProtocolError || error instanceof ConnectionError) {
    return { type: 'failed', code: error.code, message: error.message };
  }
  return {
    type: 'failed',
    code: 'api_error',
    message: error instanceof Error ? error.message : String(error),
  };
}

function errorTypeOf(body: string): string | undefined {
  try {
    const { error } = JSON.parse(body) as { error?: { type?: unknown } };
    return typeof error?.type === 'string' ? error.type : undefined;
  } catch {
    return undefined;
  }
}
