// `millrace simulate`: a local Messages API that needs no key.

import { startSimulator } from '../simulator/index.ts';
import type { ReplayMatch } from '../simulator/index.ts';
import { ignoreClosedOutput } from './note.ts';
import { reportStartFailure } from './report-start-failure.ts';
import { untilSignal } from './until-signal.ts';

export interface SimulateOptions {
  readonly port: number;
  readonly speed: number;
  readonly seed: number;
  readonly replay?: string;
  readonly match: ReplayMatch;
}

export async function simulate(options: SimulateOptions): Promise<number> {
  ignoreClosedOutput();
  try {
    const simulator = await startSimulator(options);
    const ended = untilSignal(() => simulator.close());
    process.stdout.write(`listening on ${simulator.url}\n`);
    await ended;
    return 0;
  } catch (error) {
    return reportStartFailure(error, 'simulate');
  }
}
