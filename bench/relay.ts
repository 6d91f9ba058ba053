// The relay against a bare node:http pipe: CPU time of the process in between for each event, with paced streams, and
// what it adds to the way of an event.

import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FromRelayServer, RelayServerName, ToRelayServer } from './relay-server.ts';

const streams = 200;
const eventsEach = 150;
/** The first ones are to warm up. */
const rounds = { warm: 4, measured: 5 };

export interface RelayMeasurement {
  readonly name: 'pipe' | 'relay';
  readonly cpuMicrosPerEvent: number;
  /** From upstream's write to the reader's read, in milliseconds. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

interface Child {
  readonly port: number;
  cpuMs(): Promise<number>;
  [Symbol.dispose](): void;
}

/** The pipe first. */
export async function benchRelay(): Promise<RelayMeasurement[]> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  try {
    using upstream = await start('upstream', { upstreamPort: 0, file: '' });
    const options = { upstreamPort: upstream.port, file: join(folder, 'relay.db') };
    using pipe = await start('pipe', options);
    using relay = await start('relay', options);
    const ofPipe: Round[] = [];
    const ofRelay: Round[] = [];
    for (let round = 0; round < rounds.warm + rounds.measured; round += 1) {
      ofPipe.push(await runRound(pipe));
      ofRelay.push(await runRound(relay));
    }
    return [
      { name: 'pipe', ...middle(ofPipe.slice(rounds.warm)) },
      { name: 'relay', ...middle(ofRelay.slice(rounds.warm)) },
    ];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Round {
  readonly cpuMicrosPerEvent: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

async function runRound(child: Child): Promise<Round> {
  const before = await child.cpuMs();
  const delays = (await Promise.all(Array.from({ length: streams }, () => read(child.port)))).flat();
  const cpuMs = (await child.cpuMs()) - before;
  if (delays.length !== streams * eventsEach) throw new Error(`${delays.length} events came`);
  const sorted = delays.toSorted((a, b) => a - b);
  const at = (share: number): number => (sorted[Math.floor(sorted.length * share)] ?? Number.NaN) / 1000;
  return { cpuMicrosPerEvent: (cpuMs * 1000) / delays.length, p50Ms: at(0.5), p99Ms: at(0.99) };
}

/** How long each event of one stream was on its way, in microseconds. */
function read(port: number): Promise<number[]> {
  const body = JSON.stringify({
    model: 'claude-sonnet-5',
    max_tokens: eventsEach,
    stream: true,
    messages: [{ role: 'user', content: 'x' }],
  });
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const delays: number[] = [];
    const asking = request({ host: '127.0.0.1', port, method: 'POST', path: '/v1/messages', headers });
    asking.once('error', reject);
    asking.once('response', (response) => {
      response.on('data', (bytes: Buffer) => {
        const now = process.hrtime.bigint() / 1000n;
        for (const [, writtenAt = ''] of bytes.toString('latin1').matchAll(/written at (\d+);/g)) {
          delays.push(Number(now - BigInt(writtenAt)));
        }
      });
      response.once('end', () => resolve(delays));
      response.once('error', reject);
    });
    asking.end(body);
  });
}

function middle(samples: readonly Round[]): Round {
  const median = (valueOf: (round: Round) => number): number =>
    samples.map(valueOf).toSorted((a, b) => a - b)[Math.floor(samples.length / 2)] ?? Number.NaN;
  return {
    cpuMicrosPerEvent: median((round) => round.cpuMicrosPerEvent),
    p50Ms: median((round) => round.p50Ms),
    p99Ms: median((round) => round.p99Ms),
  };
}

async function start(
  server: RelayServerName,
  options: { upstreamPort: number; file: string },
): Promise<Child> {
  const child = fork(new URL('relay-server.ts', import.meta.url), {
    execArgv: ['--conditions=millrace-source'],
  });
  const started = await ask(child, { type: 'start', server, ...options });
  if (started.type !== 'started') throw new Error(`The ${server} did not start`);
  return {
    port: started.port,
    cpuMs: async () => {
      const measured = await ask(child, { type: 'measure' });
      return measured.type === 'measured' ? measured.cpuMs : Number.NaN;
    },
    [Symbol.dispose]: () => child.disconnect(),
  };
}

async function ask(child: ChildProcess, message: ToRelayServer): Promise<FromRelayServer> {
  const replied = once(child, 'message') as Promise<[FromRelayServer]>;
  child.send(message);
  const [reply] = await replied;
  return reply;
}
