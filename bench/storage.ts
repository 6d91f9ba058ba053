// What an event costs in the log: 200 streams append one event each in every turn of the loop, and wait for it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { logStart, MemoryStreamLog } from 'millrace/storage';
import type { EntryId, LogRecord, StreamLog } from 'millrace/storage';
import { SqliteStreamLog } from 'millrace/storage/sqlite';

interface StorageTask {
  readonly name: string;
  /** Microseconds of CPU time an event, user and system. */
  readonly cpuUs: number;
  /** Milliseconds from a turn's appends to their acknowledgement. */
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly largestMs: number;
}

const streams = 200;
const turns = 1000;
const rounds = 5;

/** The section of docs/benchmarks.md. */
export async function benchStorage(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-bench-'));
  try {
    const results: StorageTask[] = [];
    results.push(await benchLog('memory', () => new MemoryStreamLog()));
    let count = 0;
    const open = (): StreamLog => SqliteStreamLog.open(join(folder, `${(count += 1)}.db`));
    results.push(await benchLog('sqlite', open));
    return sectionOf(results);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function benchLog(name: string, open: () => StreamLog): Promise<StorageTask> {
  const cpuUs: number[] = [];
  const turnMs: number[] = [];
  for (let round = -1; round < rounds; round += 1) {
    await using log = open();
    const tails = await beginAll(log);
    globalThis.gc?.();
    const before = process.cpuUsage();
    const times = await appendAll(log, tails);
    const { user, system } = process.cpuUsage(before);
    if (round < 0) continue;
    cpuUs.push((user + system) / (streams * turns));
    turnMs.push(...times);
  }
  turnMs.sort((a, b) => a - b);
  const at = (share: number): number => turnMs[Math.floor(share * (turnMs.length - 1))] ?? Number.NaN;
  const medianUs = cpuUs.toSorted((a, b) => a - b)[Math.floor(rounds / 2)] ?? Number.NaN;
  return { name, cpuUs: medianUs, medianMs: at(0.5), p99Ms: at(0.99), largestMs: at(1) };
}

async function beginAll(log: StreamLog): Promise<EntryId[]> {
  const ids = Array.from({ length: streams }, (_, index) => String(index));
  return Promise.all(
    ids.map(async (id) => {
      await log.create({ id, open: { type: 'open', owner: 'bench', request: '{}', createdAt: 0 } });
      const acquired = await log.acquire(id, 'bench', 3_600_000);
      return acquired.type === 'acquired' ? acquired.tail : logStart;
    }),
  );
}

/** The time of each turn, in milliseconds. Throws when an append did not go through. */
async function appendAll(log: StreamLog, tails: EntryId[]): Promise<number[]> {
  const times: number[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    const startedAt = performance.now();
    await Promise.all(
      tails.map(async (after, index) => {
        const result = await log.append(String(index), { after, records: [eventOf(turn)] });
        if (result.type !== 'appended') throw new Error(`An append was not taken: ${result.type}`);
        tails[index] = result.tail;
      }),
    );
    times.push(performance.now() - startedAt);
    // As sockets do between their reads.
    await new Promise(setImmediate);
  }
  return times;
}

function eventOf(turn: number): LogRecord {
  const text = `" water ${turn}"`;
  const data = `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":${text}}         }`;
  return { type: 'event', event: 'content_block_delta', data };
}

function sectionOf(results: readonly StorageTask[]): string {
  const rows = results.map(
    ({ name, cpuUs, medianMs, p99Ms, largestMs }) =>
      `| ${name} | ${cpuUs.toFixed(2)} | ${medianMs.toFixed(2)} | ${p99Ms.toFixed(1)} | ${largestMs.toFixed(1)} |`,
  );
  return `## The log

${streams} streams append one event each in every turn of the event loop, ${turns} turns, and wait until it is in the log;
median of ${rounds} rounds. In sqlite a turn is one commit; the largest times are checkpoints, which write to the disk.

| | CPU µs/event | turn, median ms | 99 % ms | largest ms |
| --- | --- | --- | --- | --- |
${rows.join('\n')}
`;
}
