// Asks over a plain socket and tells what came, to the byte, and how the connection ended.

import { connect } from 'node:net';
import { constants, gunzipSync } from 'node:zlib';

import type { Simulator } from '../../src/simulator/index.ts';

export interface RawReply {
  /** Status line and headers; empty when nothing came. */
  readonly head: string;
  /** The bytes of the body, out of their chunks and decompressed. */
  readonly body: Buffer;
  /** As they came, compressed or not. */
  readonly chunks: readonly Buffer[];
  /** The sizes of the chunks in the order in which they came. */
  readonly chunkSizes: readonly number[];
  /** Whether the chunk came that ends a body. */
  readonly isComplete: boolean;
  readonly end: 'fin' | 'rst';
}

/** Resolves when the other side has ended the connection. */
export function rawAsk(
  { port }: Simulator,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawReply> {
  const text = JSON.stringify(body);
  const all = {
    host: `127.0.0.1:${port}`,
    'anthropic-version': '2026-10-21',
    connection: 'close',
    'content-length': String(Buffer.byteLength(text)),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return new Promise((resolve) => {
    const received: Buffer[] = [];
    let end: RawReply['end'] = 'fin';
    const socket = connect(port, '127.0.0.1');
    socket.on('data', (bytes) => received.push(bytes));
    socket.on('error', () => {
      end = 'rst';
    });
    socket.on('close', () => resolve({ ...parse(Buffer.concat(received)), end }));
    socket.write(`POST /v1/messages HTTP/1.1\r\n${lines.join('')}\r\n${text}`);
  });
}

function parse(bytes: Buffer): Omit<RawReply, 'end'> {
  const headEnd = bytes.indexOf('\r\n\r\n');
  const head = headEnd < 0 ? '' : bytes.toString('latin1', 0, headEnd);
  const raw = bytes.subarray(headEnd < 0 ? bytes.length : headEnd + 4);
  const { chunks, isComplete } = /transfer-encoding: chunked/i.test(head)
    ? readChunks(raw)
    : { chunks: [raw], isComplete: true };
  const whole = Buffer.concat(chunks);
  const isGzip = /content-encoding: gzip/i.test(head) && whole.length > 0;
  return {
    head,
    body: isGzip ? gunzipSync(whole, { finishFlush: constants.Z_SYNC_FLUSH }) : whole,
    chunks,
    chunkSizes: chunks.map(({ length }) => length),
    isComplete,
  };
}

function readChunks(raw: Buffer): { chunks: Buffer[]; isComplete: boolean } {
  const chunks: Buffer[] = [];
  for (let position = 0; ;) {
    const lineEnd = raw.indexOf('\r\n', position);
    if (lineEnd < 0) return { chunks, isComplete: false };
    const length = Number.parseInt(raw.toString('latin1', position, lineEnd), 16);
    if (length === 0) return { chunks, isComplete: true };
    chunks.push(raw.subarray(lineEnd + 2, lineEnd + 2 + length));
    position = lineEnd + 2 + length + 2;
  }
}
