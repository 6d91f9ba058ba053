// A transport on node:http, for servers and programs: no web streams on the way, no time limit of its own but the one
// for connecting, and the proxies of the environment. `fetch` of Node costs about twice the CPU an event, and gives up
// after 300 s of silence.

import { Agent as HttpAgent, request as httpRequest } from 'node:http';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Duplex, Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { ClientOptions } from './client-options.ts';
import { TimeoutError } from './errors.ts';
import { Millrace as PortableMillrace } from './millrace.ts';
import { connectionError } from './transport.ts';
import type { ByteSource, ResponseHeaders, Transport, TransportRequest } from './transport.ts';

export * from './index.ts';

/** The client on node:http: HTTP_PROXY, HTTPS_PROXY and NO_PROXY of the environment hold without a word of code.
 * Everything else of `millrace/client` is at this door as well. */
export class Millrace extends PortableMillrace {
  constructor(options: ClientOptions = {}) {
    const isChosen = options.transport !== undefined || options.fetch !== undefined;
    super(isChosen ? options : { ...options, transport: createNodeTransport() });
  }
}

export interface NodeTransportOptions {
  /** Where HTTP_PROXY, HTTPS_PROXY and NO_PROXY are read from; default the process's environment. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** What undoes each content encoding the transport asks for. */
const decoders: ReadonlyMap<string, () => NodeJS.ReadWriteStream & Readable> = new Map([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['br', createBrotliDecompress],
  ['deflate', createInflate],
]);

/** A transport that keeps connections open for the next request. */
export function createNodeTransport({ env = process.env }: NodeTransportOptions = {}): Transport {
  const options = { keepAlive: true, proxyEnv: env };
  const agents = { 'http:': new HttpAgent(options), 'https:': new OpeningAgent(options) };
  return async (request) => {
    const { signal, url } = request;
    signal?.throwIfAborted();
    const message = await send(request, agents).catch((cause: unknown) => {
      throw connectionError(`Cannot ${request.method} ${url}`, 'connect', { cause, signal });
    });
    return {
      status: message.statusCode ?? 0,
      headers: new NodeHeaders(message),
      body: new NodeBody(message, request),
    };
  };
}

function send(
  { method, url, headers, body, signal, connectMs }: TransportRequest,
  agents: { readonly 'http:': HttpAgent; readonly 'https:': OpeningAgent },
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const { protocol } = new URL(url);
    const all = { 'accept-encoding': 'gzip, br', ...headers, ...lengthOf(body) };
    const options = { method, headers: all };
    let request: ClientRequest;
    if (protocol === 'https:') request = httpsRequest(url, { ...options, agent: agents['https:'] });
    else request = httpRequest(url, { ...options, agent: agents['http:'] });
    const opening = agents['https:'].takeOpening();
    if (opening !== undefined) guardOpening(request, opening, { signal, connectMs });
    // Stays for as long as the request does: after the response, what breaks is told by its body as well.
    request.on('error', reject);
    request.once('response', resolve);
    if (signal !== undefined) endOnAbort(request, signal);
    if (connectMs !== undefined && connectMs !== Infinity) limitConnecting(request, connectMs);
    request.end(body);
  });
}

/** Node's own option for it destroys a connection that has just served its response, while nobody listens to the
 * connection's errors: an abort at that moment would end the process. */
function endOnAbort(request: ClientRequest, signal: AbortSignal): void {
  const abort = (): void => {
    request.socket?.on('error', ignore);
    request.destroy(new Error('The request was aborted'));
  };
  const forget = (): void => signal.removeEventListener('abort', abort);
  signal.addEventListener('abort', abort);
  request.once('response', (message) => {
    // Nobody may have begun to read it.
    message.on('error', ignore);
    message.on('end', forget);
  });
  request.on('close', forget);
}

function ignore(): void {}

/** A socket that was open already needs no time to connect; a new one is connected when TLS stands as well. */
function limitConnecting(request: ClientRequest, connectMs: number): void {
  request.once('socket', (socket) => {
    if (!socket.connecting) return;
    const connected = 'encrypted' in socket ? 'secureConnect' : 'connect';
    const timer = setTimeout(
      () => request.destroy(new TimeoutError('connect_timeout', connectMs)),
      connectMs,
    );
    const stop = (): void => {
      clearTimeout(timer);
      // The connection lives longer than this.
      socket.off(connected, stop).off('close', stop);
    };
    socket.on(connected, stop).on('close', stop);
  });
}

/** Tells of the connection that a request opens as soon as there is one. Behind a proxy Node's own agent gives it to
 * the request only when the tunnel and TLS in it stand. */
class OpeningAgent extends HttpsAgent {
  /** Opened and not yet taken: a request opens its connection before the call that makes it returns. */
  #opening: Duplex | undefined;

  override createConnection(
    ...[options, callback]: Parameters<HttpsAgent['createConnection']>
  ): ReturnType<HttpsAgent['createConnection']> {
    const connection = super.createConnection(options, callback);
    this.#opening = connection ?? undefined;
    return connection;
  }

  /** Undefined where the request goes over a connection that was open. */
  takeOpening(): Duplex | undefined {
    const opening = this.#opening;
    this.#opening = undefined;
    return opening;
  }
}

/** Until a request has its connection, destroying it reaches nothing: what ends it has to end the connection, whose
 * error Node then passes on to the request. */
function guardOpening(
  request: ClientRequest,
  opening: Duplex,
  { signal, connectMs }: Pick<TransportRequest, 'signal' | 'connectMs'>,
): void {
  // What fails here is told by the request.
  opening.on('error', ignore);
  const abort = (): void => void opening.destroy(new Error('The request was aborted'));
  signal?.addEventListener('abort', abort);
  let timer: NodeJS.Timeout | undefined;
  if (connectMs !== undefined && connectMs !== Infinity) {
    const giveUp = (): void => void opening.destroy(new TimeoutError('connect_timeout', connectMs));
    timer = setTimeout(giveUp, connectMs);
  }
  // A proxy that refuses the tunnel is an error of the request; its connection is left open by Node.
  const close = (): void => void opening.destroy();
  const stop = (): void => {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
    request.off('close', close);
  };
  request.once('close', close).once('socket', stop).once('close', stop);
}

function lengthOf(body: string | undefined): Record<string, number> {
  return body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
}

class NodeHeaders implements ResponseHeaders {
  readonly #message: IncomingMessage;

  constructor(message: IncomingMessage) {
    this.#message = message;
  }

  get(name: string): string | null {
    const value = this.#message.headers[name.toLowerCase()];
    return Array.isArray(value) ? value.join(', ') : (value ?? null);
  }

  keys(): string[] {
    return Object.keys(this.#message.headers);
  }
}

/** As much of a body as waits to be read, and no more comes in: as much as a stream of Node holds by itself. */
const mostWaitingBytes = 64 * 1024;

interface Taker {
  readonly resolve: (chunk: Uint8Array | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** A body as it is asked for, what has come in between in one piece. Whoever waits gets the chunk in the turn in which
 * it comes: the iterator of a stream takes several more for each, and drops what had come when a body breaks off. */
class NodeBody implements ByteSource {
  readonly #message: IncomingMessage;
  /** The message, or what undoes its encoding. */
  readonly #bytes: Readable;
  readonly #url: string;
  readonly #signal: AbortSignal | undefined;
  readonly #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #taker: Taker | undefined;
  #isEnded = false;
  #failure: Error | undefined;

  constructor(message: IncomingMessage, { url, signal }: TransportRequest) {
    this.#message = message;
    this.#url = url;
    this.#signal = signal;
    const decode = decoders.get(message.headers['content-encoding']?.toLowerCase() ?? '');
    // A body that breaks off must break what it is decoded by, or a reader would wait for ever.
    const bytes = decode === undefined ? message : message.pipe(decode());
    if (bytes !== message) message.once('error', (error) => bytes.destroy(error));
    this.#bytes = bytes;
    // It may break while nobody reads: the next read tells it, and until then it must not end the process.
    bytes.on('error', (error) => this.#fail(error));
    bytes.on('close', () => this.#fail(new Error('The body was closed before its end')));
    bytes.on('end', () => {
      this.#isEnded = true;
      this.#taker?.resolve(undefined);
    });
    bytes.on('data', (chunk: Uint8Array) => this.#push(chunk));
  }

  /** Resolves with undefined behind the last chunk. One call at a time. */
  read(): Promise<Uint8Array | undefined> {
    if (this.#signal?.aborted) return Promise.reject(this.#signal.reason as Error);
    const [chunk] = this.#waiting;
    if (chunk !== undefined) {
      const all = this.#waiting.length === 1 ? chunk : Buffer.concat(this.#waiting, this.#waitingBytes);
      this.#waiting.length = this.#waitingBytes = 0;
      return Promise.resolve(all);
    }
    if (this.#isEnded) return Promise.resolve(undefined);
    if (this.#failure !== undefined) return Promise.reject(this.#error(this.#failure));
    if (this.#bytes.isPaused()) this.#bytes.resume();
    return new Promise((resolve, reject) => {
      this.#taker = { resolve, reject };
    });
  }

  cancel(): Promise<void> {
    // Read to its end the message has given its connection back; else the connection goes with it.
    if (!this.#message.readableEnded) this.#message.destroy();
    if (this.#bytes !== this.#message) this.#bytes.destroy();
    return Promise.resolve();
  }

  #push(chunk: Uint8Array): void {
    const taker = this.#taker;
    if (taker !== undefined) {
      this.#taker = undefined;
      taker.resolve(chunk);
      return;
    }
    this.#waiting.push(chunk);
    this.#waitingBytes += chunk.byteLength;
    if (this.#waitingBytes >= mostWaitingBytes) this.#bytes.pause();
  }

  #fail(error: Error): void {
    if (this.#isEnded) return;
    this.#failure ??= error;
    this.#taker?.reject(this.#error(this.#failure));
  }

  /** What is told of a failure, when it is told. */
  #error(cause: Error): unknown {
    return connectionError(`The response of ${this.#url} broke off`, 'body', { cause, signal: this.#signal });
  }
}
