// The recorder as a server: a proxy in front of a Messages API that writes down what passes.

import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { ApiError } from '../../protocol/index.ts';
import { invalidRequest } from '../api-errors.ts';
import { checkHost, isLoopback, toAuthority } from '../check-caller.ts';
import { systemClock } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { SimulatorError } from '../errors.ts';
import { listen } from '../listen.ts';
import { ProxiedExchange } from './proxied-exchange.ts';
import type { ProxyContext, RecordedExchange } from './proxied-exchange.ts';
import { RecordingFolder } from './recording-folder.ts';
import { openUpstream } from './upstream.ts';

export interface RecorderOptions {
  /** The address of the API, such as `https://api.anthropic.com`. */
  upstream: string;
  /** The folder to write to; it is made when it is not there, and what is there stays. */
  out: string;
  /** The port to listen on; 0, the default, is any free one. */
  port?: number;
  /** The address to listen on; default 127.0.0.1. */
  host?: string;
  /** Where time comes from; default the system. */
  clock?: Clock;
  /** The largest request body that is recorded, in bytes; a larger one is passed on alone. Default 32 MiB. */
  maxRequestBytes?: number;
  /** The largest answer that is recorded, in bytes; of a larger one the beginning is. Default 256 MiB. */
  maxBodyBytes?: number;
  /** Where HTTP_PROXY, HTTPS_PROXY and NO_PROXY are read from; default the process's environment. */
  env?: NodeJS.ProcessEnv;
  /** Called with each exchange when it has ended and is written. */
  onExchange?: (exchange: RecordedExchange) => void;
  /** Called when an exchange cannot be recorded (on); its answer goes through all the same. Default a warning. */
  onError?: (error: SimulatorError) => void;
}

export interface Recorder extends AsyncDisposable {
  /** What a client takes as its base URL: `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly port: number;
  /** Stops listening and breaks off what is under way; resolves when every file is closed. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts a proxy that passes every request on to the upstream and records it with its answer, without keys.
 *
 * Rejects with a SimulatorError: `port_in_use`, `cannot_listen`, `cannot_record` when there can be no such folder;
 * and with a RangeError for an upstream that is no address, or the recorder's own. Must be closed by the caller.
 *
 * @example
 * await using recorder = await startRecorder({ upstream: 'https://api.anthropic.com', out: 'recordings' });
 * const client = new Anthropic({ baseURL: recorder.url });
 */
export async function startRecorder(options: RecorderOptions): Promise<Recorder> {
  const { out, host = '127.0.0.1', port = 0, env = process.env } = options;
  const upstream = openUpstream(options.upstream, env);
  demandOther(upstream.origin, port);
  const context: ProxyContext = {
    upstream,
    folder: openFolder(out),
    clock: options.clock ?? systemClock,
    maxRequestBytes: options.maxRequestBytes ?? 32 * 2 ** 20,
    maxBodyBytes: options.maxBodyBytes ?? 256 * 2 ** 20,
    onError: options.onError ?? ((error) => process.emitWarning(error)),
  };
  // An upload may take its time; who names no host is refused as who names another.
  const server = createServer({ requestTimeout: 0, requireHostHeader: false });
  await listen(server, { host, port });
  const listening = { host, port: (server.address() as AddressInfo).port };
  const underWay = new Set<ProxiedExchange>();
  server.on('request', (request, response) => {
    if (refuse(request, response, listening)) return;
    const exchange = new ProxiedExchange(context, request, response);
    underWay.add(exchange);
    const finish = async (): Promise<void> => {
      const ended = await exchange.ended;
      underWay.delete(exchange);
      options.onExchange?.(ended);
    };
    void finish();
  });
  const close = async (): Promise<void> => {
    const closed = new Promise((resolve) => server.close(resolve));
    const ends = [...underWay].map(({ ended }) => ended);
    for (const exchange of underWay) exchange.close();
    server.closeAllConnections();
    upstream.close();
    await Promise.all([closed, ...ends]);
  };
  let closing: Promise<void> | undefined;
  const closeOnce = (): Promise<void> => (closing ??= close());
  return {
    url: `http://${toAuthority(host)}:${listening.port}`,
    port: listening.port,
    close: closeOnce,
    [Symbol.asyncDispose]: closeOnce,
  };
}

/** Whoever sets the base URL of clients to the recorder may have set it for the recorder as well. */
function demandOther(origin: string, port: number): void {
  const url = new URL(origin);
  if (port === 0 || Number(url.port) !== port || !isLoopback(url.hostname.replace(/^\[|\]$/g, ''))) return;
  throw new RangeError(`Cannot record: the upstream ${origin} is this recorder itself`);
}

function openFolder(out: string): RecordingFolder {
  try {
    return new RecordingFolder(out);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SimulatorError('cannot_record', `Cannot record to ${out}: ${reason}`, { cause });
  }
}

/** Answers what is not passed on: requests for another host, and those of a client that takes this for a proxy. */
function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  listening: { host: string; port: number },
): boolean {
  try {
    checkHost(request.headers, listening);
    if (!request.url?.startsWith('/'))
      throw invalidRequest('A path is wanted: set the base URL, not a proxy');
    return false;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { type, message, status = 400 } = error;
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
    response.end(JSON.stringify({ type: 'error', error: { type, message } }));
    return true;
  }
}
