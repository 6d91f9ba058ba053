// A request body within its limit, and what to do with the rest of one that is not.

import type { IncomingMessage } from 'node:http';

import { apiError, tooLarge } from './api-errors.ts';
import type { Clock } from './clock.ts';

/**
 * The whole body. Undefined when the connection closed in its middle. Throws the API's 413 as soon as it is known
 * to be longer than `maxBytes`; then nothing more has been read.
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let byteCount = 0;
  return new Promise((resolve, reject) => {
    const refuse = (): void => {
      request.pause();
      request.removeAllListeners('data');
      chunks.length = 0;
      reject(apiError(tooLarge, 'Request exceeds the maximum size'));
    };
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) return refuse();
    request.on('data', (chunk: Buffer) => {
      byteCount += chunk.length;
      if (byteCount > maxBytes) refuse();
      else chunks.push(chunk);
    });
    request.once('end', () => resolve(Buffer.concat(chunks)));
    request.once('close', () => resolve(undefined));
  });
}

const lingerMs = 5000;

/**
 * Reads on without keeping anything, until the body ends, the connection closes, `maxBytes` more have come or
 * five seconds have passed. A connection closed with bytes unread is reset, and a reset can overtake the answer.
 */
export function discardRest(request: IncomingMessage, maxBytes: number, clock: Clock): Promise<void> {
  let byteCount = 0;
  return new Promise((resolve) => {
    const cancel = clock.setTimer(resolve, lingerMs);
    const finish = (): void => {
      cancel();
      resolve();
    };
    request.on('data', (chunk: Buffer) => {
      byteCount += chunk.length;
      if (byteCount > maxBytes) finish();
    });
    request.once('end', finish);
    request.once('close', finish);
    request.resume();
  });
}
