// A response of the relay on a node:http response: pieces go out as the client takes them, compressed where it offers
// that, and each of them at once.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { constants, createGzip, gzip } from 'node:zlib';
import type { RelayResponse, TextSink, TextStream } from './http.ts';

/** A body smaller than this is one packet anyway. */
const leastCompressedBytes = 1400;

/** A stream has a compressor for as long as it is open: with these it takes some 40 KB in place of 270, and what
 * it says is as repetitive within 4 KB as it is within 32. A write is flushed, so that it can be read at once. */
const streamOptions = { flush: constants.Z_SYNC_FLUSH, windowBits: 12, memLevel: 5, chunkSize: 4096 };

const compressibleTypes = /^(?:text\/|application\/(?:x-nd)?json\b|image\/svg)/;

export async function sendResponse(
  relayResponse: RelayResponse,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { status, body } = relayResponse;
  const headers = headersFor(relayResponse, message);
  const isCompressed = headers['content-encoding'] !== undefined;
  if (typeof body === 'string' || body instanceof Uint8Array) {
    const bytes = isCompressed ? await promisify(gzip)(body) : body;
    response.writeHead(status, headers).end(bytes);
    return;
  }
  response.writeHead(status, headers);
  if (message.method === 'HEAD') {
    response.end();
    await body[Symbol.asyncIterator]().return?.();
    return;
  }
  response.flushHeaders();
  if (isCompressed) await sendCompressed(body, response);
  else
    await writeAll(
      body,
      response.chunkedEncoding && response.socket !== null
        ? new ChunkSink(response.socket)
        : sinkOf(response),
    );
  response.end();
}

function headersFor({ headers, body }: RelayResponse, message: IncomingMessage): Record<string, string> {
  // What is left of a body that was refused must not be taken for the next request.
  const connection: Record<string, string> = message.complete ? {} : { connection: 'close' };
  if (!isCompressible({ headers, body })) return { ...headers, ...connection };
  const encoding: Record<string, string> = offersGzip(message) ? { 'content-encoding': 'gzip' } : {};
  const vary = ['accept-encoding', headers['vary']].filter((name) => name !== undefined).join(', ');
  return { ...headers, vary, ...encoding, ...connection };
}

function isCompressible({ headers, body }: Pick<RelayResponse, 'headers' | 'body'>): boolean {
  const isLong = typeof body !== 'string' && !(body instanceof Uint8Array);
  return (
    (isLong || body.length >= leastCompressedBytes) && compressibleTypes.test(headers['content-type'] ?? '')
  );
}

function offersGzip({ headers }: IncomingMessage): boolean {
  const offers = (headers['accept-encoding'] ?? '').split(',');
  return offers.some((offer) => /^\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*$).*)?$/i.test(offer));
}

async function sendCompressed(body: TextStream, response: ServerResponse): Promise<void> {
  // Its `close` has been told.
  if (response.closed) return;
  const compressor = createGzip(streamOptions);
  const ended = new Promise((resolve) => {
    compressor.once('close', resolve);
  });
  response.once('close', () => compressor.destroy());
  compressor.pipe(response, { end: false });
  await writeAll(body, sinkOf(compressor));
  compressor.end();
  await ended;
}

/** Where text goes, and what tells when it has room again. */
type Target = Pick<Writable, 'on' | 'off'> & { readonly destroyed: boolean };

/**
 * Writes each text as a chunk of a chunked transfer whose head has gone out: `ServerResponse` would make four writes
 * of it, and that is what most of its time goes into. The end of the transfer is the response's to write.
 */
class ChunkSink implements TextSink {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  write(text: string): boolean {
    return text === '' || this.#socket.write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
  }

  drained(): Promise<boolean> {
    return drained(this.#socket);
  }
}

function sinkOf(target: Writable): TextSink {
  return { write: (text) => target.write(text), drained: () => drained(target) };
}

function writeAll(body: TextStream, sink: TextSink): Promise<void> {
  return body.writeTo?.(sink) ?? writeEach(body, sink);
}

async function writeEach(body: TextStream, sink: TextSink): Promise<void> {
  for await (const text of body) if (!sink.write(text) && !(await sink.drained())) break;
}

/** What is gone takes nothing, and is asked only then: to ask before each write takes some of the time of one. */
async function drained(target: Target): Promise<boolean> {
  if (!target.destroyed) await roomIn(target);
  return !target.destroyed;
}

function roomIn(target: Target): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      target.off('drain', go);
      target.off('close', go);
      resolve();
    };
    target.on('drain', go);
    target.on('close', go);
  });
}
