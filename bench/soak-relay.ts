// What readers cost the relay, and whether it is given back: readers who do not read while upstream floods, streams
// that are silent, and rounds of readers who leave, come back and freeze. Exits 1 when a figure is past its target.

import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import type { RelayStart, RelayUsage } from './relay-process.ts';

const flood = { seconds: 6, bytesPerSecond: 6_000_000, maxGrowthBytes: 10_000_000 };
// V8 compiles what serves them while the first ones come, and that takes some tens of megabytes once.
const idle = { first: 500, warmUp: 2000, streams: 2000, maxBytesEach: 60 * 1024 };
const rounds = { count: 12, warmUp: 4, streams: 60, events: 40, maxHeapGrowthBytes: 1_500_000 };

const failures: string[] = [];

function check(isWithin: boolean, text: string): void {
  console.log(`${isWithin ? 'ok  ' : 'PAST'} ${text}`);
  if (!isWithin) failures.push(text);
}

const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

const event = (type: string, fields: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
const delta = (text: string): string =>
  event('content_block_delta', { index: 0, delta: { type: 'text_delta', text } });
const beginning =
  event('message_start', {
    message: {
      id: 'msg_1',
      type: 'message',
      role: 'assistant',
      model: 'm',
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: { input_tokens: 1, output_tokens: 1 },
    },
  }) + event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } });
const ending = event('content_block_stop', { index: 0 }) + event('message_stop', {});

/** Upstream answers by the words of the prompt. */
const answers: Readonly<Record<string, (response: ServerResponse) => Promise<void>>> = {
  idle: async () => undefined,
  flood: async (response) => {
    const piece = delta('x'.repeat(1000));
    const piecesAtOnce = Math.round(flood.bytesPerSecond / 100 / piece.length);
    for (let tick = 0; tick < flood.seconds * 100; tick += 1) {
      if (response.destroyed) return;
      if (!response.write(piece.repeat(piecesAtOnce))) await once(response, 'drain');
      await delay(10);
    }
    response.end(ending);
  },
  paced: async (response) => {
    for (let index = 0; index < rounds.events; index += 1) {
      if (response.destroyed) return;
      response.write(delta(`word ${index} `));
      await delay(5);
    }
    response.end(ending);
  },
};

const upstream = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (text: string) => {
    body += text;
  });
  request.once('end', () => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).write(beginning);
    const [, word = ''] = /"content":"(\w+)"/.exec(body) ?? [];
    void answers[word]?.(response);
  });
}).listen(0, '127.0.0.1');
await once(upstream, 'listening');
const upstreamUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;

const folder = mkdtempSync(join(tmpdir(), 'millrace-soak-'));
const child = fork(new URL('relay-process.ts', import.meta.url), {
  execArgv: ['--conditions=millrace-source', '--expose-gc'],
});
const port = await tell<number>(child, { upstream: upstreamUrl, file: join(folder, 'relay.db') });
const url = `http://127.0.0.1:${port}`;

async function tell<Reply>(child: ChildProcess, message: RelayStart | 'measure'): Promise<Reply> {
  const replied = once(child, 'message') as Promise<[Reply]>;
  child.send(message);
  return (await replied)[0];
}

const measure = (): Promise<RelayUsage> => tell<RelayUsage>(child, 'measure');

const question = (content: string): string =>
  JSON.stringify({ model: 'm', max_tokens: 9, stream: true, messages: [{ role: 'user', content }] });

/** Asks on a socket of its own; who does not listen to it reads nothing. */
function ask(path: string, content: string): Socket {
  const body = question(content);
  const socket = connect(port, '127.0.0.1');
  socket.pause();
  socket.on('error', () => undefined);
  socket.write(
    `POST ${path} HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  return socket;
}

/** Follows a paced stream, and resolves with the longest time between two pieces. */
async function longestGapMs(): Promise<number> {
  const headers = { 'content-type': 'application/json', 'accept-encoding': 'identity' };
  const response = await fetch(`${url}/v1/messages`, { method: 'POST', headers, body: question('paced') });
  let last = performance.now();
  let longest = 0;
  let text = '';
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    text += piece;
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }
  if (!text.includes('message_stop')) throw new Error(`A reader beside the flood got ${text.slice(-200)}`);
  return longest;
}

/** Two floods at once, and beside them readers of other streams, until the floods are over. */
async function flooded({ areRead }: { areRead: boolean }): Promise<{ peak: RelayUsage; gapMs: number }> {
  const sockets = [ask('/v1/messages', 'flood'), ask('/streams', 'flood')];
  if (areRead) for (const socket of sockets) socket.resume();
  let peak = await measure();
  let gapMs = 0;
  const endsAt = performance.now() + flood.seconds * 1000;
  while (performance.now() < endsAt) {
    gapMs = Math.max(gapMs, await longestGapMs());
    const now = await measure();
    if (now.rssBytes > peak.rssBytes) peak = now;
  }
  for (const socket of sockets) socket.destroy();
  await delay(500);
  return { peak, gapMs };
}

async function soakFlood(): Promise<void> {
  // What so many bytes a second take of any process is there before: the question is what it costs that nobody reads
  // them.
  const read = await flooded({ areRead: true });
  const before = await measure();
  const unread = await flooded({ areRead: false });
  const growth = unread.peak.rssBytes - before.rssBytes;
  const heapGrowth = unread.peak.heapBytes - before.heapBytes;
  const rate = `${mb(flood.bytesPerSecond)}/s each for ${flood.seconds} s`;
  check(
    growth < flood.maxGrowthBytes,
    `two readers who never read, ${rate}: the relay grew by ${mb(growth)} RSS, ${mb(heapGrowth)} heap, beyond what ` +
      `the same flood takes when it is read (most allowed ${mb(flood.maxGrowthBytes)})`,
  );
  check(
    unread.gapMs < read.gapMs + 500,
    `longest gap of others beside it ${unread.gapMs.toFixed(0)} ms, and ${read.gapMs.toFixed(0)} ms when it is read`,
  );
}

/** Streams that have begun, and say nothing more. */
async function openIdle(count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let index = 0; index < count; index += 1) {
    const socket = ask('/v1/messages', 'idle');
    sockets.push(socket);
    socket.resume();
    await once(socket, 'data');
  }
  await delay(1000);
  return sockets;
}

/** What a stream more took, in bytes, between two measurements. */
const each = (kind: 'rssBytes' | 'heapBytes', [from, to]: readonly RelayUsage[], count: number): number =>
  ((to?.[kind] ?? 0) - (from?.[kind] ?? 0)) / count;

async function soakIdle(): Promise<void> {
  const sockets: Socket[] = [];
  const usages: RelayUsage[] = [];
  for (const count of [idle.first, idle.warmUp, idle.warmUp + idle.streams]) {
    sockets.push(...(await openIdle(count - sockets.length)));
    usages.push(await measure());
  }
  const kb = (bytes: number): string => (bytes / 1024).toFixed(1);
  const bytesEach = each('rssBytes', usages.slice(1), idle.streams);
  const atFirst = each('rssBytes', usages, idle.warmUp - idle.first);
  check(
    bytesEach <= idle.maxBytesEach,
    `${idle.streams} silent streams more, after ${idle.warmUp}: ${kb(bytesEach)} KB of RSS each with both sockets, ` +
      `${kb(each('heapBytes', usages.slice(1), idle.streams))} KB of it heap (most allowed ${kb(idle.maxBytesEach)} KB); ` +
      `from ${idle.first} to ${idle.warmUp}, with what V8 takes to compile, ${kb(atFirst)} KB`,
  );
  for (const socket of sockets) socket.destroy();
  await delay(2000);
}

type Reader = (id: string) => Promise<void>;

async function follow(id: string, { lastId, pieces = Infinity }: { lastId?: string; pieces?: number } = {}) {
  const headers = {
    accept: 'text/event-stream',
    ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
  };
  const response = await fetch(`${url}/streams/${id}`, { headers });
  // Who had seen the ending gets a 204.
  let text = response.status === 204 ? 'message_stop' : '';
  let count = 0;
  for await (const piece of (
    response.body ?? new ReadableStream<never>({ start: (it) => it.close() })
  ).pipeThrough(new TextDecoderStream())) {
    text += piece;
    count += 1;
    if (count >= pieces) break;
  }
  return text;
}

const readers: readonly Reader[] = [
  async (id) => {
    if (!(await follow(id)).includes('message_stop')) throw new Error('A whole answer was not whole');
  },
  // Leaves.
  async (id) => void (await follow(id, { pieces: 3 })),
  // Leaves and comes back: what it has seen by then goes on without a gap.
  async (id) => {
    const seen = await follow(id, { pieces: 4 });
    const whole = seen.slice(0, seen.lastIndexOf('\n\n') + 2);
    const lastId = [...whole.matchAll(/^id: (\S+)$/gm)].at(-1)?.[1];
    const rest = await follow(id, lastId === undefined ? {} : { lastId });
    const sequences = [...(whole + rest).matchAll(/^id: \d+-(\d+)$/gm)].map(([, text]) => Number(text));
    const isDense = sequences.every((sequence, index) => sequence === index + 1);
    if (!isDense || !(whole + rest).includes('message_stop'))
      throw new Error(`A resumed answer was not whole: ${sequences.join(' ')}`);
  },
  // Freezes, and is cut off in the end.
  async (id) => {
    const socket = connect(port, '127.0.0.1');
    socket.pause();
    socket.on('error', () => undefined);
    socket.write(`GET /streams/${id} HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n`);
    await delay(300);
    socket.destroy();
  },
];

async function runStream(index: number): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const started = await fetch(`${url}/streams`, { method: 'POST', headers, body: question('paced') });
  const { id } = (await started.json()) as { id: string };
  await Promise.all(readers.map((read) => read(id)));
  if (index % 4 === 0) await (await fetch(`${url}/streams/${id}/stop`, { method: 'POST', headers })).text();
  await (await fetch(`${url}/streams/${id}`, { method: 'DELETE' })).text();
}

async function soakRounds(): Promise<void> {
  const usages: RelayUsage[] = [];
  for (let round = 0; round < rounds.count; round += 1) {
    await Promise.all(Array.from({ length: rounds.streams }, (_, index) => runStream(index)));
    await delay(300);
    usages.push(await measure());
  }
  const [first, last] = [usages[rounds.warmUp], usages.at(-1)];
  if (first === undefined || last === undefined) throw new Error('There was no round');
  const growth = last.heapBytes - first.heapBytes;
  const heaps = usages.map(({ heapBytes }) => (heapBytes / 1e6).toFixed(1)).join(' ');
  const streamCount = rounds.count * rounds.streams;
  check(
    growth <= rounds.maxHeapGrowthBytes,
    `${streamCount} streams with four readers each in ${rounds.count} rounds: heap ${mb(growth)} above that after ` +
      `${rounds.warmUp + 1} rounds (most allowed ${mb(rounds.maxHeapGrowthBytes)}); after each, in MB: ${heaps}`,
  );
  const timers = ({ resources }: RelayUsage): number => resources['Timeout'] ?? 0;
  check(timers(last) <= timers(first), `timers: ${timers(first)} after warm-up, ${timers(last)} at the end`);
  // Connections that are kept alive, of clients and to upstream, come and go: one for each call at once, at most.
  const connections = ({ resources }: RelayUsage): number => resources['TCPSocketWrap'] ?? 0;
  const most = rounds.streams * (readers.length + 1);
  check(
    Math.max(...usages.map(connections)) <= most,
    `connections that are kept alive: ${usages.map(connections).join(' ')} (most allowed ${most})`,
  );
  const others = (usage: RelayUsage): number => usage.files - connections(usage);
  check(
    others(last) <= others(first),
    `other open files: ${others(first)} after warm-up, ${others(last)} at the end`,
  );
}

try {
  await soakIdle();
  await soakFlood();
  await soakRounds();
} finally {
  child.disconnect();
  await once(child, 'exit');
  upstream.closeAllConnections();
  upstream.close();
  rmSync(folder, { recursive: true });
}
process.exitCode = failures.length > 0 ? 1 : 0;
