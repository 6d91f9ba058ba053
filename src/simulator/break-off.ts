// Breaking off a connection behind the last byte, and not before the reader has it.

import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';

import { systemClock } from './clock.ts';
import type { Outlet } from './outlet.ts';
import type { Close } from './step.ts';

/** The time between two looks at the system's queues. */
const lookMs = 5;
/** The reader's time comes in slices: on a busy machine each takes longer, as everything does for the reader. */
const sliceMs = 10;

/**
 * Sends what was written, waits until the reader's system has handed all of it to the reader, gives the reader
 * `lingerMs` to look at it, and breaks off. A reset throws away whatever is still under way, and many clients throw
 * away what they have not looked at. Real time throughout: a clock that jumps moves no bytes.
 */
export async function breakOff(
  outlet: Outlet,
  { by, lingerMs: wantedMs }: Exclude<Close, { by: 'end' }>,
): Promise<void> {
  await outlet.flush();
  // In memory nothing is under way by now, and nothing will be thrown away.
  const lingerMs = outlet.isInMemory ? 0 : wantedMs;
  while (outlet.isOpen && (await isUnderWay(outlet.socket))) await outlet.pause(lookMs, systemClock);
  for (let restMs = lingerMs; restMs > 0 && outlet.isOpen; restMs -= sliceMs) {
    await outlet.pause(Math.min(restMs, sliceMs), systemClock);
  }
  if (outlet.isOpen) outlet.breakOff(by);
}

/**
 * Whether bytes of ours are on their way: not taken by the other side, or, where that is this computer, not read.
 * Only Linux tells; elsewhere they count as arrived once the system has them.
 */
async function isUnderWay({ localPort, remotePort }: Socket): Promise<boolean> {
  if (process.platform !== 'linux' || localPort === undefined || remotePort === undefined) return false;
  const tables = await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map(readTable));
  const rows = tables.join('\n').split('\n').map(toRow);
  const isLeft = (from: number, to: number, queue: 'sending' | 'unread'): boolean =>
    rows.some((row) => row.local === from && row.remote === to && row[queue] > 0);
  return isLeft(localPort, remotePort, 'sending') || isLeft(remotePort, localPort, 'unread');
}

/** Empty where the system has no such table. */
async function readTable(path: string): Promise<string> {
  try {
    return await readFile(path, 'latin1');
  } catch {
    return '';
  }
}

/** A row of `proc_net_tcp(5)`: `0: 0100007F:B6C9 0100007F:07E8 01 tx_queue:rx_queue …`, all in hexadecimal. */
function toRow(row: string): { local: number; remote: number; sending: number; unread: number } {
  const [, ...figures] = /:\w+:(\w{4}) \w+:(\w{4}) \w\w (\w+):(\w+)/.exec(row.replace(/^ *\d+: /, ':')) ?? [];
  const [local = 0, remote = 0, sending = 0, unread = 0] = figures.map((figure) =>
    Number.parseInt(figure, 16),
  );
  return { local, remote, sending, unread };
}
