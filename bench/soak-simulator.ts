// What many streams and readers who do not read cost a simulator in memory: `npm run soak`. A thousand paced streams
// are read to their end while twenty connections ask for a very long answer and read none of it. The peer gets the
// readers who do not read, with the same text.

import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

import { startServer } from './server-process.ts';
import type { RunningServer } from './server-process.ts';

const streamCount = 1000;
const idleCount = 20;
const idleSeconds = 10;
/** About eleven megabytes on the wire. */
const longText = 'The wheel turns and the water runs. '.repeat(50_000);

const sliceLength = 17;

{
  using server = await startServer({ server: 'both', answer: longText, sliceLength });
  const [paced = 0, unpaced = 0] = server.ports;
  await report(
    server,
    `the simulator, ${streamCount} paced streams and ${idleCount} idle readers`,
    async () => {
      const idle = Array.from({ length: idleCount }, () => ask(unpaced, 'the long answer'));
      const read = Array.from({ length: streamCount }, () => readAll(ask(paced, 'long 60')));
      await Promise.all([delay(idleSeconds * 1000), ...read]);
      return idle;
    },
  );
}
{
  using server = await startServer({ server: 'aimock', answer: longText, sliceLength });
  const [port = 0] = server.ports;
  await report(server, `aimock, ${idleCount} idle readers`, async () => {
    const idle = Array.from({ length: idleCount }, () => ask(port, 'the long answer'));
    await delay(idleSeconds * 1000);
    return idle;
  });
}

/** Runs the load, looks at the server's memory twice a second, and prints what it was. */
async function report(server: RunningServer, name: string, load: () => Promise<Socket[]>): Promise<void> {
  const before = await server.measure(true);
  let peak = before.rssBytes;
  const watching = new AbortController();
  const watch = async (): Promise<void> => {
    while (!watching.signal.aborted) {
      peak = Math.max(peak, (await server.measure()).rssBytes);
      await delay(500);
    }
  };
  const watched = watch();
  const idle = await load();
  watching.abort();
  await watched;
  const during = await server.measure(true);
  for (const socket of idle) socket.destroy();
  await delay(2000);
  const after = await server.measure(true);
  process.stdout.write(
    `${name}: RSS ${mb(before.rssBytes)} before, ${mb(peak)} at the most, ${mb(after.rssBytes)} after; ` +
      `heap ${mb(before.heapBytes)}, ${mb(during.heapBytes)} with the readers there, ${mb(after.heapBytes)} after\n`,
  );
}

function mb(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

/** Asks, and reads nothing until told to. */
function ask(port: number, prompt: string): Socket {
  const body = JSON.stringify({
    model: 'claude-sonnet-5',
    max_tokens: 1000,
    stream: true,
    messages: [{ role: 'user', content: prompt }],
  });
  const socket = connect(port, '127.0.0.1');
  socket.pause();
  socket.on('error', (error) => process.stderr.write(`${error.message}\n`));
  socket.write(
    `POST /v1/messages HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nanthropic-version: 2026-10-21\r\n` +
      'content-type: application/json\r\nx-api-key: any\r\nconnection: close\r\n' +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  return socket;
}

async function readAll(socket: Socket): Promise<void> {
  let byteCount = 0;
  for await (const chunk of socket as AsyncIterable<Buffer>) byteCount += chunk.length;
  if (byteCount < 1000) throw new Error(`A stream ended after ${byteCount} bytes`);
}
