// Answers that are one piece of JSON.

import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

import type { ApiError } from '../protocol/index.ts';
import { errorBody, tooLarge } from './api-errors.ts';
import { simulatorHeader } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import { acceptsGzip } from './gzip-frames.ts';
import { discardRest } from './read-body.ts';

const compress = promisify(gzip);

export interface JsonAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

export async function sendJson(
  exchange: Exchange,
  { status = 200, headers, body }: JsonAnswer,
): Promise<void> {
  const isCompressed = acceptsGzip(exchange.request.headers['accept-encoding']);
  const text = Buffer.from(JSON.stringify(body));
  const bytes = isCompressed ? await compress(text) : text;
  if (!exchange.outlet.isOpen) return;
  exchange.begin(status, {
    'content-type': 'application/json',
    'content-length': bytes.length,
    ...(isCompressed ? { 'content-encoding': 'gzip' } : {}),
    ...exchange.headers(),
    ...headers,
  });
  exchange.response.end(bytes);
}

/** An error of the API, with its headers: no rate limits, and no organization for somebody unknown. */
export async function sendError(exchange: Exchange, error: ApiError): Promise<void> {
  if (error.type === tooLarge) return sendTooLarge(exchange, error);
  await sendJson(exchange, {
    status: error.status ?? 500,
    headers: { 'x-should-retry': 'false' },
    body: errorBody(error, exchange.requestId),
  });
}

/** The answer is complete before the connection is: the client may still be sending, and must get to see it. */
async function sendTooLarge(exchange: Exchange, error: ApiError): Promise<void> {
  const { simulation, request, response } = exchange;
  const bytes = Buffer.from(JSON.stringify(errorBody(error, exchange.requestId)));
  exchange.begin(413, {
    'content-type': 'application/json',
    'content-length': bytes.length,
    connection: 'close',
    ...simulatorHeader,
  });
  response.write(bytes);
  await discardRest(request, simulation.settings.maxBodyBytes, simulation.clock);
  response.end();
}
