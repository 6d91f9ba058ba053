// Answers that are one piece of JSON.

import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

import type { ApiError } from '../protocol/index.ts';
import { errorBody, tooLarge } from './api-errors.ts';
import type { Exchange } from './exchange.ts';
import { acceptsGzip } from './gzip-frames.ts';
import { discardRest } from './read-body.ts';
import { sendReply } from './send-reply.ts';
import { toFrameStep } from './step.ts';

const compress = promisify(gzip);

export interface JsonAnswer {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** A 200. With faults it is sent step by step, without a length. */
export async function sendJson(exchange: Exchange, { headers, body }: JsonAnswer): Promise<void> {
  if (exchange.faults.length === 0) return sendWhole(exchange, { status: 200, headers, body });
  await sendReply(exchange, {
    delayMs: 0,
    status: 200,
    headers: { 'content-type': 'application/json', ...headers },
    isFromEdge: false,
    isStream: false,
    steps: [toFrameStep(JSON.stringify(body))],
  });
}

interface WholeAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>> | undefined;
  readonly body: unknown;
}

async function sendWhole(exchange: Exchange, { status, headers, body }: WholeAnswer): Promise<void> {
  const isCompressed = acceptsGzip(exchange.request.headers['accept-encoding']);
  const text = Buffer.from(JSON.stringify(body));
  const bytes = isCompressed ? await compress(text) : text;
  if (!exchange.outlet.isOpen) return;
  exchange.begin(status, {
    'content-type': 'application/json',
    ...(isCompressed ? { 'content-encoding': 'gzip' } : {}),
    ...exchange.headers(status),
    ...headers,
  });
  exchange.response.end(bytes);
}

/** An error of the API, with its headers: rate limits only where they are the reason. */
export async function sendError(exchange: Exchange, error: ApiError): Promise<void> {
  if (error.type === tooLarge) return sendTooLarge(exchange, error);
  const { status = 500, retryAfterMs } = error;
  const retry =
    retryAfterMs === undefined
      ? { 'x-should-retry': 'false' }
      : {
          'x-should-retry': 'true',
          'retry-after': String(Math.ceil(retryAfterMs / 1000)),
          ...exchange.limits.headers(),
        };
  await sendWhole(exchange, { status, headers: retry, body: errorBody(error, exchange.requestId) });
}

/** The answer is complete before the connection is: the client may still be sending, and must get to see it. */
async function sendTooLarge(exchange: Exchange, error: ApiError): Promise<void> {
  const { simulation, request, response } = exchange;
  const bytes = Buffer.from(JSON.stringify(errorBody(error, exchange.requestId)));
  exchange.begin(413, {
    'content-type': 'application/json',
    'content-length': bytes.length,
    connection: 'close',
    ...exchange.networkHeaders(),
  });
  response.write(bytes);
  await discardRest(request, simulation.settings.maxBodyBytes, simulation.clock);
  response.end();
}
