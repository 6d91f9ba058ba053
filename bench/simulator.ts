// The simulator against the best-known mock of the field: the same text in as many events, as fast as it is read.
// Each server runs in a process of its own, and only its CPU time counts; the reader takes bytes and counts.

import { connect } from 'node:net';

import { startServer } from './server-process.ts';
import type { RunningServer } from './server-process.ts';

type ServerName = 'aimock' | 'simulator';

interface Task {
  readonly task: string;
  readonly words: number;
  readonly streams: number;
  /** How often they are asked for, one after the other. */
  readonly repeats: number;
}

export interface SimulatorResult extends Task {
  readonly events: number;
  /** The least that the simulator sends, as a multiple of the peer. */
  readonly target: number;
  /** The peer first, then the simulator: events per second of CPU time, median. */
  readonly measurements: readonly { readonly name: ServerName; readonly eventsPerCpuSecond: number }[];
}

const tasks: readonly Task[] = [
  { task: '1 stream', words: 20_000, streams: 1, repeats: 25 },
  { task: '100 streams at once', words: 10_000, streams: 100, repeats: 2 },
];
const rounds = 7;
/** Not counted: for so long V8 is at compiling either of them. */
const warmUpRounds = 6;
const names: readonly ServerName[] = ['aimock', 'simulator'];

export async function benchSimulator(): Promise<SimulatorResult[]> {
  const results: SimulatorResult[] = [];
  for (const task of tasks) results.push(await runTask(task));
  return results;
}

async function runTask(task: Task): Promise<SimulatorResult> {
  using simulator = await startServer({ server: 'simulator' });
  const sample = await read(simulator.ports[0], task.words);
  const answer = textOf(sample);
  const sliceLength = Math.round(answer.length / countDeltas(sample));
  using aimock = await startServer({ server: 'aimock', answer, sliceLength });
  const servers = { simulator, aimock };
  const rates = { simulator: [] as number[], aimock: [] as number[] };
  for (let round = -warmUpRounds; round < rounds; round += 1) {
    for (const name of names) {
      const rate = await measure(servers[name], task);
      if (round >= 0) rates[name].push(rate);
    }
  }
  const measurements = names.map((name) => ({ name, eventsPerCpuSecond: median(rates[name]) }));
  return { ...task, target: 2, events: countDeltas(sample), measurements };
}

/** Events for each second of the server's CPU time. */
async function measure(server: RunningServer, { words, streams, repeats }: Task): Promise<number> {
  const before = (await server.measure()).cpuMs;
  let events = 0;
  for (let repeat = 0; repeat < repeats; repeat += 1) {
    const bodies = await Promise.all(Array.from({ length: streams }, () => read(server.ports[0], words)));
    events += bodies.reduce((total, body) => total + countDeltas(body), 0);
  }
  return (events * 1000) / ((await server.measure()).cpuMs - before);
}

/** One answer, with its head and its chunks, as it came over the wire. */
async function read(port: number | undefined, words: number): Promise<Buffer> {
  const body = JSON.stringify({
    model: 'claude-sonnet-4-6',
    max_tokens: 128_000,
    stream: true,
    messages: [{ role: 'user', content: `long ${words}` }],
  });
  const socket = connect(port ?? 0, '127.0.0.1');
  socket.write(
    'POST /v1/messages HTTP/1.1\r\nanthropic-version: 2023-06-01\r\ncontent-type: application/json\r\n' +
      `x-api-key: any\r\nconnection: close\r\nhost: 127.0.0.1:${port}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  const chunks: Buffer[] = [];
  let tail = '';
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    tail = (tail + chunk.toString('latin1', Math.max(chunk.length - lastChunk.length, 0))).slice(
      -lastChunk.length,
    );
    // The peer keeps the connection open, though told to close it.
    if (tail === lastChunk) break;
  }
  return Buffer.concat(chunks);
}

/** What a chunked body ends with. */
const lastChunk = '\r\n0\r\n\r\n';

function countDeltas(body: Buffer): number {
  let count = 0;
  for (let at = body.indexOf('event: content_block_delta'); at >= 0; count += 1) {
    at = body.indexOf('event: content_block_delta', at + 1);
  }
  return count;
}

function textOf(body: Buffer): string {
  const deltas = body.toString().matchAll(/"text_delta","text":("(?:[^"\\]|\\.)*")/g);
  return [...deltas].map(([, text = '""']) => JSON.parse(text) as string).join('');
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
