// `millrace simulate`: a local Messages API that needs no key.

import { readFileSync } from 'node:fs';
import { startSimulator } from '../simulator/index.ts';
import { ignoreClosedOutput } from './note.ts';
import { reportStartFailure } from './report-start-failure.ts';
import { untilSignal } from './until-signal.ts';

export interface SimulateOptions {
  readonly port: number;
  readonly speed: number;
  readonly seed: number;
  /** Milliseconds to the first byte. */
  readonly ttft?: number;
  /** Tokens a second. */
  readonly rate?: number;
  readonly recording?: string;
}

export async function simulate(options: SimulateOptions): Promise<number> {
  const { port, speed, seed, ttft, rate, recording } = options;
  ignoreClosedOutput();
  try {
    const pace =
      ttft === undefined && rate === undefined ? {} : { pace: { firstByteMs: ttft, tokensPerSecond: rate } };
    const bytes = recording === undefined ? {} : { recording: new Uint8Array(readFileSync(recording)) };
    const simulator = await startSimulator({ port, speed, seed, ...pace, ...bytes });
    const ended = untilSignal(() => simulator.close());
    process.stdout.write(`listening on ${simulator.url}\n`);
    await ended;
    return 0;
  } catch (error) {
    return reportStartFailure(error, 'simulate');
  }
}
