// What readers who do not read cost: nothing that grows with what they could have read.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { describe, test } from 'node:test';

import { startSimulator } from '../../src/simulator/index.ts';
import type { Simulator } from '../../src/simulator/index.ts';
import { toBody } from './ask.ts';

const megabyte = 2 ** 20;
/** An answer of 48 MB in events of a kilobyte: far more than any system takes for a connection nobody reads. */
const frame = toFrame('x'.repeat(900));
const answerBytes = 48 * megabyte;
/** What the systems of both sides hold for one connection, at the most: their buffers have 10 MB by default. */
const mostUnreadBytes = 16 * megabyte;
/** What a reader reads in the meantime: everyone gets as many turns, so the others could have had as much. */
const readBytes = 24 * megabyte;

function toFrame(text: string): string {
  const data = { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } };
  return `event: content_block_delta\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Asks for an answer, and reads nothing of it until told to. */
function ask({ port }: Simulator): Socket {
  const body = JSON.stringify(toBody('Hi', { stream: true }));
  const socket = connect(port, '127.0.0.1');
  socket.pause();
  socket.on('error', () => undefined);
  socket.write(
    `POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nanthropic-version: 2026-10-21\r\n` +
      `content-length: ${body.length}\r\n\r\n${body}`,
  );
  return socket;
}

async function readSome(socket: Socket, byteCount: number): Promise<void> {
  let read = 0;
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    read += chunk.length;
    if (read >= byteCount) return;
  }
}

function memoryBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe('20 readers who do not read', () => {
  test('stop their answers, hold no memory, and do not hold up the one who does', async () => {
    const recording = Buffer.alloc(answerBytes, frame);
    await using simulator = await startSimulator({ speed: 0, replay: recording });
    const before = memoryBytes();
    const idle = Array.from({ length: 20 }, () => ask(simulator));
    await simulator.waitFor(({ number, eventsSent }) => number === 20 && eventsSent > 0);
    await readSome(ask(simulator), readBytes);
    const [reader, ...others] = simulator.requests.toReversed();
    // What was read has the chunks around the events as well.
    assert.ok((reader?.bytesSent ?? 0) > readBytes * 0.95);
    assert.equal(others.length, 20);
    for (const { bytesSent, eventsSent } of others) {
      assert.ok(bytesSent > 0 && bytesSent < mostUnreadBytes, `${bytesSent} bytes were handed over`);
      assert.ok(Math.abs(eventsSent - bytesSent / frame.length) < 2);
    }
    const grown = memoryBytes() - before;
    assert.ok(grown < 96 * megabyte, `${Math.round(grown / megabyte)} MiB more than before`);
    for (const socket of idle) socket.destroy();
    assert.deepEqual(new Set(await Promise.all(others.map(({ closed }) => closed))), new Set(['aborted']));
  });
});
