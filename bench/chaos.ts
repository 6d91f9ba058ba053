// `npm run chaos`: a relay with a store in a file is killed in the middle of its answers, in fifteen rounds, in every
// other one twice in the same answers, and started again at once. It goes on with them, and readers reconnect by
// themselves with Last-Event-ID. At the end each reader must have seen the log's frames from the first to the last,
// each once, and every answer must be whole: the model's text, character by character. Prints figures; exits with 1
// when one is off.

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MessageAccumulator, parseStreamEvent, SseDecoder } from 'millrace/protocol';
import type { ServerSentEvent } from 'millrace/protocol';

const rounds = 15;
const streamsEach = 10;
const readersEach = 3;
/** A reader that has no ending so long after the last kill counts as hung. */
const hungMs = 30_000;
/** How long a reader waits before it connects again. */
const retryMs = 50;

/** As often as an answer may be gone on with. */
const killsIn = (round: number): number => 1 + (round % 2);

/** Some 150 events: none is over before the last kill of its round. */
const prompt = 'long 2000';
const params = { model: 'claude-sonnet-5', max_tokens: 8000, messages: [{ role: 'user', content: prompt }] };
/** The relay's own key: without one nobody could go on with an answer. */
const key = 'sk-ant-chaos';

const program = join(import.meta.dirname, '../bin/millrace.mjs');

interface Reader {
  readonly id: string;
  readonly frames: ServerSentEvent[];
  connections: number;
  hasEnded: boolean;
}

interface Figures {
  frames: number;
  reconnects: number;
  lost: number;
  doubled: number;
  other: number;
  hung: number;
  /** Answers that were gone on with. */
  resumed: number;
  /** Those that were gone on with twice. */
  resumedTwice: number;
  /** Answers that are not the model's text. */
  broken: number;
  readonly restartMs: number[];
}

async function main(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-chaos-'));
  const startedAt = performance.now();
  const simulator = await start(['simulate', '--port', '0', '--ttft', '5', '--rate', '1500']);
  const text = await textOfModel(simulator.url);
  const port = await freePort();
  const serveArguments = [
    'serve',
    '--log-level',
    'error',
    '--port',
    String(port),
    '--upstream',
    simulator.url,
  ];
  serveArguments.push('--store', `sqlite:${join(folder, 'relay.db')}`);
  const figures: Figures = {
    frames: 0,
    reconnects: 0,
    lost: 0,
    doubled: 0,
    other: 0,
    hung: 0,
    resumed: 0,
    resumedTwice: 0,
    broken: 0,
    restartMs: [],
  };
  let relay = await start(serveArguments);
  try {
    for (let round = 0; round < rounds; round += 1) {
      relay = await runRound(relay, serveArguments, { round, figures, text });
    }
  } finally {
    for (const { child } of [relay, simulator]) child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
  report(figures, (performance.now() - startedAt) / 1000);
  const { lost, doubled, other, hung, broken, resumed, resumedTwice } = figures;
  return lost + doubled + other + hung + broken === 0 && resumed > 0 && resumedTwice > 0 ? 0 : 1;
}

interface Round {
  readonly round: number;
  readonly figures: Figures;
  /** What every answer comes to when nothing breaks it. */
  readonly text: string | undefined;
}

/** Starts answers and readers; kills the relay when all have seen some of it, or more, and starts it again. */
async function runRound(
  relay: Started,
  serveArguments: readonly string[],
  { round, figures, text }: Round,
): Promise<Started> {
  const ids = await Promise.all(Array.from({ length: streamsEach }, () => post(relay.url)));
  const readers = ids.flatMap((id) => Array.from({ length: readersEach }, () => newReader(id)));
  const giveUp = new AbortController();
  const reading = readers.map((reader) => follow(relay.url, reader, giveUp.signal));
  let current = relay;
  for (let kill = 0; kill < killsIn(round); kill += 1) {
    // Later in each round, so that the kill hits the log in other places.
    const seen = 5 + 3 * round + 25 * kill;
    while (readers.some(({ frames, hasEnded }) => frames.length < seen && !hasEnded)) await sleep(2);
    current = await killAndStart(current, serveArguments, figures);
  }
  const timer = setTimeout(() => giveUp.abort(), hungMs);
  await Promise.all(reading);
  clearTimeout(timer);
  for (const reader of readers) await compare(current.url, reader, figures);
  for (const reader of readers.filter((_, index) => index % readersEach === 0)) {
    const further = reader.frames.filter(({ data }) => data.includes('"further_attempt"')).length;
    if (further > 0) figures.resumed += 1;
    if (further > 1) figures.resumedTwice += 1;
    if (textOf(reader.frames) !== text) figures.broken += 1;
  }
  return current;
}

async function killAndStart(
  relay: Started,
  serveArguments: readonly string[],
  { restartMs }: Figures,
): Promise<Started> {
  relay.child.kill('SIGKILL');
  await once(relay.child, 'exit');
  const killedAt = performance.now();
  const next = await start(serveArguments);
  restartMs.push(performance.now() - killedAt);
  return next;
}

const newReader = (id: string): Reader => ({ id, frames: [], connections: 0, hasEnded: false });

/** The id of a new answer that takes its time. */
async function post(url: string): Promise<string> {
  const response = await fetch(`${url}/streams`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(params),
  });
  const { id } = (await response.json()) as { id: string };
  return id;
}

async function textOfModel(url: string): Promise<string | undefined> {
  const response = await fetch(`${url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', 'x-api-key': key },
    body: JSON.stringify({ ...params, stream: true }),
  });
  return textOf([...new SseDecoder().push(await response.text())]);
}

/** The text of an answer that is whole; undefined for one that is not. */
function textOf(frames: readonly ServerSentEvent[]): string | undefined {
  const accumulator = new MessageAccumulator();
  for (const frame of frames) accumulator.push(parseStreamEvent(frame));
  if (accumulator.ending?.type !== 'complete') return undefined;
  const { content } = accumulator.ending.message;
  return content.map((block) => (block.type === 'text' ? block.text : '')).join('');
}

/** Reads until the stream has ended, as EventSource does: after every break it connects again. */
async function follow(url: string, reader: Reader, signal: AbortSignal): Promise<void> {
  while (!reader.hasEnded && !signal.aborted) {
    reader.connections += 1;
    try {
      await readOnce(url, reader, signal);
    } catch (error) {
      // The relay is not there, or has just gone.
      if (!(error instanceof TypeError) && !signal.aborted) throw error;
    }
    if (!reader.hasEnded) await sleep(retryMs);
  }
}

async function readOnce(url: string, reader: Reader, signal: AbortSignal): Promise<void> {
  const lastId = reader.frames.at(-1)?.id;
  const headers = {
    accept: 'text/event-stream',
    ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
  };
  const response = await fetch(`${url}/streams/${reader.id}`, { headers, signal });
  if (response.status === 204) reader.hasEnded = true;
  if (response.status !== 200 || response.body === null) return;
  const decoder = new SseDecoder();
  for await (const chunk of response.body) {
    for (const frame of decoder.push(chunk)) {
      // Pings of the relay itself have no id.
      if (frame.id === undefined) continue;
      reader.frames.push(frame);
      if (isEnd(frame)) reader.hasEnded = true;
    }
  }
}

/** The last record of a log: an error, or the relay's own "end" behind a whole answer. */
function isEnd({ event, data }: ServerSentEvent): boolean {
  return event === 'error' || (event === 'millrace' && data.includes('"type":"end"'));
}

/** Holds what a reader saw against the log as it is now. */
async function compare(url: string, reader: Reader, figures: Figures): Promise<void> {
  figures.frames += reader.frames.length;
  figures.reconnects += reader.connections - 1;
  if (!reader.hasEnded) figures.hung += 1;
  const whole = newReader(reader.id);
  await readOnce(url, whole, AbortSignal.timeout(hungMs));
  const seen = new Map<string, ServerSentEvent>();
  for (const frame of reader.frames) {
    if (seen.has(frame.id ?? '')) figures.doubled += 1;
    seen.set(frame.id ?? '', frame);
  }
  for (const { id = '', event, data } of whole.frames) {
    const frame = seen.get(id);
    if (frame === undefined) figures.lost += 1;
    else if (frame.event !== event || frame.data !== data) figures.other += 1;
    seen.delete(id);
  }
  // What a reader saw and the log does not have.
  figures.other += seen.size;
}

function report({ restartMs, ...counts }: Figures, seconds: number): void {
  const median = restartMs.toSorted((a, b) => a - b)[Math.floor(restartMs.length / 2)] ?? 0;
  const { frames, reconnects, lost, doubled, other, hung, resumed, resumedTwice, broken } = counts;
  console.log(
    `${restartMs.length} kill -9 in ${rounds} rounds, ${streamsEach} answers with ${readersEach} readers each, in ${seconds.toFixed(0)} s`,
  );
  console.log(`${frames} frames read, ${reconnects} reconnects, back after ${median.toFixed(0)} ms (median)`);
  console.log(`${lost} lost, ${doubled} doubled, ${other} not as in the log, ${hung} readers hung`);
  console.log(
    `${resumed} answers gone on with, ${resumedTwice} of them twice, ${broken} that are not the model's text`,
  );
}

interface Started {
  readonly child: ChildProcess;
  readonly url: string;
}

/** Starts a command that serves; resolves when it listens. */
async function start(parameters: readonly string[]): Promise<Started> {
  const child = spawn(process.execPath, [program, ...parameters], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '', ANTHROPIC_API_KEY: key },
  });
  let said = '';
  for await (const text of child.stdout.setEncoding('utf8') as AsyncIterable<string>) {
    said += text;
    const [, url] = /^listening on (\S+)$/m.exec(said) ?? [];
    if (url === undefined) continue;
    return { child, url };
  }
  throw new Error(`millrace ${parameters.join(' ')} did not start`);
}

/** One that is free now: the relay comes back on the same. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => {
    server.close(resolve);
  });
  return port;
}

process.exitCode = await main();
