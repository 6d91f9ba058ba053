// One request on its way to the upstream and its answer on the way back, both at the pace of whoever takes them;
// what passes is recorded. Whatever becomes of the recording, the answer goes through.

import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';

import { breakOff } from '../break-off.ts';
import type { Clock } from '../clock.ts';
import type { SimulatorError } from '../errors.ts';
import { Outlet } from '../outlet.ts';
import { keptPath, keptRequestHeaders, keptResponseHeaders, secretsOfResponse } from './kept-headers.ts';
import { toKeptBody } from './kept-body.ts';
import { RecordedBody } from './recorded-body.ts';
import type { RecordingFolder } from './recording-folder.ts';
import type { Ended, RecordedAsk } from './recording.ts';
import { RecordingWriter } from './recording-writer.ts';
import { SecretMask, secretsOf } from './secret-mask.ts';
import { passedOn } from './upstream.ts';
import type { Upstream } from './upstream.ts';

export interface ProxyContext {
  readonly upstream: Upstream;
  readonly folder: RecordingFolder;
  readonly clock: Clock;
  readonly maxRequestBytes: number;
  readonly maxBodyBytes: number;
  readonly onError: (error: SimulatorError) => void;
}

/** An exchange that has ended. */
export interface RecordedExchange {
  readonly method: string;
  /** As it is recorded: without secrets. */
  readonly path: string;
  /** Undefined when no answer had begun. */
  readonly status: number | undefined;
  /** Events of a stream. */
  readonly events: number;
  /** Of the body, without its content encoding. */
  readonly bytes: number;
  readonly ms: number;
  /** How it ended; `unknown` when the recorder was closed first. */
  readonly ended: Ended['how'];
  /** The name of its `.json` file; undefined when none could be written. */
  readonly file: string | undefined;
}

/** The reader's time to look at the last bytes before a connection is broken off, as `cut` faults have it. */
const lingerMs = 200;

/** What waits here for its turn, in bytes; beyond it the upstream is read no more. */
const maxWaitingBytes = 2 ** 16;

export class ProxiedExchange {
  readonly #context: ProxyContext;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #outlet: Outlet;
  readonly #ask: RecordedAsk;
  readonly #secrets: readonly string[];
  readonly #writer: RecordingWriter;
  readonly #sent: ClientRequest;
  /** The time of the request: when its last byte came, if the answer had not begun before. */
  #startMs: number;
  #body: RecordedBody | undefined;
  /** The pieces of the answer one after the other: each is written before the client sees it. */
  #passed: Promise<void> = Promise.resolve();
  #status: number | undefined;
  /** What the connection to the upstream failed with. */
  #error: NodeJS.ErrnoException | undefined;
  #isEnding = false;
  readonly #ended = Promise.withResolvers<RecordedExchange>();

  constructor(context: ProxyContext, request: IncomingMessage, response: ServerResponse) {
    this.#context = context;
    this.#request = request;
    this.#response = response;
    this.#outlet = new Outlet(response, context.clock);
    this.#startMs = context.clock.now();
    const { headers, url = '', method = '' } = request;
    this.#secrets = secretsOf(headers, url);
    const mask = new SecretMask(this.#secrets);
    this.#ask = {
      method,
      path: keptPath(url, mask),
      headers: keptRequestHeaders(headers, mask),
      bodyType: 'omitted',
    };
    this.#writer = new RecordingWriter({
      ...context,
      upstream: context.upstream.origin,
      recordedAt: new Date(this.#startMs).toISOString(),
      request: this.#ask,
    });
    this.#sent = context.upstream.open(request);
    this.#passRequest(mask);
    this.#passResponse();
  }

  /** Resolves when it is over and its files are closed. Never rejects. */
  get ended(): Promise<RecordedExchange> {
    return this.#ended.promise;
  }

  /** Breaks it off on both sides. */
  close(): void {
    this.#end(() => ({ how: 'unknown' }));
    this.#sent.destroy();
    this.#response.destroy();
  }

  #passRequest(mask: SecretMask): void {
    const request = this.#request;
    const { maxRequestBytes, clock } = this.#context;
    const chunks: Buffer[] = [];
    let byteCount = 0;
    request.on('data', (chunk: Buffer) => {
      byteCount += chunk.length;
      if (byteCount <= maxRequestBytes) chunks.push(chunk);
      else chunks.length = 0;
    });
    request.once('end', () => {
      // Times must not go back.
      if (this.#body === undefined) this.#startMs = clock.now();
      if (byteCount > maxRequestBytes) return;
      const contentEncoding = request.headers['content-encoding'];
      const { bodyType: _, ...ask } = this.#ask;
      this.#writer.setRequest({ ...ask, ...toKeptBody(Buffer.concat(chunks), { mask, contentEncoding }) });
    });
    request.pipe(this.#sent);
  }

  #passResponse(): void {
    const sent = this.#sent;
    sent.once('response', (answer) => this.#passAnswer(answer));
    // It may come behind the response as well: then it tells how the body broke off.
    sent.on('error', (error: NodeJS.ErrnoException) => {
      this.#error = error;
      if (this.#body === undefined) this.#answerUnreachable(error.code ?? error.message);
    });
    this.#response.once('close', () => {
      this.#end((ms) => ({ how: 'reader_left', ms }));
      sent.destroy();
    });
  }

  #passAnswer(answer: IncomingMessage): void {
    const status = answer.statusCode ?? 0;
    // The parser takes any three digits, and no answer can be given with these.
    if (status < 200) {
      this.#answerUnreachable(`status ${status}`);
      this.#sent.destroy();
      return;
    }
    const outlet = this.#outlet;
    const contentEncoding = answer.headers['content-encoding'];
    const mask = new SecretMask([...this.#secrets, ...secretsOfResponse(answer.headers)]);
    const body = new RecordedBody(this.#writer, { mask, contentEncoding });
    this.#status = status;
    this.#body = body;
    this.#writer.begin({
      status,
      headers: keptResponseHeaders(answer.headers, mask),
      headMs: this.#elapsedMs(),
    });
    if (outlet.isOpen) {
      this.#response.sendDate = false;
      outlet.begin(status, passedOn(answer));
      this.#response.flushHeaders();
    }
    let waitingBytes = 0;
    answer.on('data', (chunk: Buffer) => {
      const ms = this.#elapsedMs();
      waitingBytes += chunk.length;
      if (waitingBytes > maxWaitingBytes) answer.pause();
      const pass = async (before: Promise<void>): Promise<void> => {
        await before;
        await body.write(chunk, ms);
        if (outlet.isOpen) await outlet.write(chunk);
        waitingBytes -= chunk.length;
        if (waitingBytes <= maxWaitingBytes) answer.resume();
      };
      this.#passed = pass(this.#passed);
    });
    answer.once('end', () => {
      this.#end(
        (ms) => ({ how: 'complete', ms }),
        () => outlet.end(),
      );
    });
    // A reset is told to the request first; the response only knows that it is not complete.
    answer.once('error', () => {
      const by = this.#error === undefined ? 'fin' : 'rst';
      this.#end(
        (ms) => ({ how: 'cut', by, ms }),
        () => breakOff(outlet, { type: 'close', by, lingerMs }),
      );
    });
  }

  #answerUnreachable(code: string): void {
    if (this.#isEnding) return;
    const error = { type: 'api_error', message: `The upstream could not be reached: ${code}` };
    const text = Buffer.from(JSON.stringify({ type: 'error', error }));
    const headers = { 'content-type': 'application/json' };
    const ms = this.#elapsedMs();
    this.#status = 502;
    this.#writer.begin({ status: 502, headers, headMs: ms });
    this.#writer.addChunk([ms, text.length], text);
    // The client may still be sending.
    this.#request.unpipe();
    this.#request.resume();
    this.#end(
      () => ({ how: 'unreachable', code, ms }),
      () => this.#response.writeHead(502, headers).end(text),
    );
  }

  /** The first end counts. `close` is what the client sees of it, once it is written. */
  #end(toEnded: (ms: number) => Ended, close: () => unknown = () => undefined): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    const ms = this.#elapsedMs();
    const ended = toEnded(ms);
    const finish = async (): Promise<void> => {
      await this.#passed;
      this.#body?.end();
      this.#writer.finish(ended);
      if (this.#outlet.isOpen) await close();
      this.#ended.resolve(this.#summary(ended, ms));
    };
    void finish();
  }

  #summary({ how }: Ended, ms: number): RecordedExchange {
    const { name, bodyBytes } = this.#writer;
    return {
      method: this.#ask.method,
      path: this.#ask.path,
      status: this.#status,
      events: this.#body?.eventCount ?? 0,
      bytes: bodyBytes,
      ms,
      ended: how,
      file: name === undefined ? undefined : `${name}.json`,
    };
  }

  /** Tenths of a millisecond are enough, and read well. */
  #elapsedMs(): number {
    return Math.round((this.#context.clock.now() - this.#startMs) * 10) / 10;
  }
}
