// `millrace simulate`: a local Messages API that needs no key.

import { readFileSync } from 'node:fs';
import { startSimulator } from '../simulator/index.ts';
import type { SeamKind } from '../simulator/index.ts';
import { ignoreClosedOutput } from './note.ts';
import { reportStartFailure } from './report-start-failure.ts';
import { untilSignal } from './until-signal.ts';

export interface SimulateOptions {
  readonly port: number;
  readonly speed: number;
  readonly seed: number;
  readonly seam: SeamKind;
  readonly recording?: string;
}

export async function simulate({ port, speed, seed, seam, recording }: SimulateOptions): Promise<number> {
  ignoreClosedOutput();
  try {
    const bytes = recording === undefined ? {} : { recording: new Uint8Array(readFileSync(recording)) };
    const simulator = await startSimulator({ port, speed, seed, seam, ...bytes });
    const ended = untilSignal(() => simulator.close());
    process.stdout.write(`listening on ${simulator.url}\n`);
    await ended;
    return 0;
  } catch (error) {
    return reportStartFailure(error, 'simulate');
  }
}
