// Records one exchange of a simulator under a clock that stands still while anything is on its way.

import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';

import { startRecorder, startSimulator } from '../../../src/simulator/index.ts';
import type { RecordedExchange, SimulatorOptions } from '../../../src/simulator/index.ts';
import { SteppedClock } from './stepped-clock.ts';

export interface Folder extends AsyncDisposable {
  readonly path: string;
  /** The names of its files, in their order. */
  files(): Promise<string[]>;
  read(file: string): Promise<Buffer>;
  json(file: string): Promise<StoredJson>;
}

/** As much of a recording as the tests look at. */
interface StoredJson {
  readonly request: { readonly path: string; readonly bodyType: string; readonly body?: unknown };
  readonly response: {
    readonly status: number;
    readonly headers: Record<string, string>;
    readonly bodyFile: string;
    readonly chunks: readonly (readonly [number, number])[];
  } | null;
  readonly ended: { readonly how: string };
}

export async function openTestFolder(): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'millrace-recordings-'));
  return {
    path,
    files: async () => (await readdir(path)).toSorted(),
    read: (file) => readFile(join(path, file)),
    json: async (file) => JSON.parse(await readFile(join(path, file), 'utf8')) as StoredJson,
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  };
}

export interface Asking {
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** Leave when so many bytes of the body have come. */
  readonly leaveAtByte?: number;
}

/** What the client saw: each piece of the body with its time, the body, and how it ended. */
export interface Seen {
  readonly status: number | undefined;
  readonly pieces: readonly (readonly [number, number])[];
  readonly body: string;
  readonly end: string;
}

/** Asks a simulator through a recorder that writes to the folder. */
/** A recording has tenths of a millisecond: times that are whole ones are equal to the last digit. */
const wholeMilliseconds = { firstByteMs: 500, tokensPerSecond: 20 };

export async function recordOnce(
  folder: Folder,
  { asking, options = {} }: { asking: Asking; options?: SimulatorOptions },
): Promise<{ seen: Seen; exchange: RecordedExchange }> {
  const clock = new SteppedClock();
  await using simulator = await startSimulator({ pace: wholeMilliseconds, ...options, clock });
  const recorded = Promise.withResolvers<RecordedExchange>();
  await using recorder = await startRecorder({
    upstream: simulator.url,
    out: folder.path,
    clock,
    onExchange: recorded.resolve,
    onError: recorded.reject,
  });
  const client = new Client(clock);
  const isStill = (): boolean => {
    const sent = simulator.requests[0];
    const hasHead = sent?.status !== undefined;
    return sent !== undefined && client.hasHead === hasHead && client.byteCount === sent.bytesSent;
  };
  const seen = await clock.runWhile(client.ask(`${recorder.url}/v1/messages`, asking), isStill);
  return { seen, exchange: await recorded.promise };
}

class Client {
  hasHead = false;
  byteCount = 0;
  readonly #clock: SteppedClock;

  constructor(clock: SteppedClock) {
    this.#clock = clock;
  }

  ask(url: string, { body, headers = {}, leaveAtByte = Infinity }: Asking): Promise<Seen> {
    const startMs = this.#clock.now();
    const pieces: [number, number][] = [];
    const chunks: Buffer[] = [];
    let status: number | undefined;
    return new Promise((resolve) => {
      const finish = (end: string): void =>
        resolve({ status, pieces, body: Buffer.concat(chunks).toString(), end });
      const all = { 'anthropic-version': '2026-10-21', 'content-type': 'application/json', ...headers };
      const asked = httpRequest(url, { method: 'POST', headers: all, agent: false }, (response) => {
        this.hasHead = true;
        status = response.statusCode;
        const isGzip = response.headers['content-encoding'] === 'gzip';
        const decoded = isGzip ? response.pipe(createGunzip()) : response;
        response.on('error', () => finish(hasFailed ? 'rst' : 'fin'));
        decoded.on('data', (chunk: Buffer) => {
          this.byteCount += chunk.length;
          pieces.push([this.#clock.now() - startMs, chunk.length]);
          chunks.push(chunk);
          if (this.byteCount < leaveAtByte) return;
          finish('left');
          asked.destroy();
        });
        decoded.on('end', () => finish('end'));
      });
      let hasFailed = false;
      asked.on('error', () => {
        hasFailed = true;
        if (!this.hasHead) finish('nothing');
      });
      asked.end(JSON.stringify(body));
    });
  }
}
