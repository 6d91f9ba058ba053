// `millrace simulate`: a local Messages API that needs no key.

import { loadScenario, startSimulator } from '../simulator/index.ts';
import type { ReplayMatch, SeamKind, SimulatorOptions } from '../simulator/index.ts';
import { ignoreClosedOutput } from './note.ts';
import { reportStartFailure } from './report-start-failure.ts';
import { untilSignal } from './until-signal.ts';

export interface SimulateOptions {
  readonly port: number;
  readonly host: string;
  readonly speed: number;
  readonly seed: number;
  readonly seam: SeamKind;
  /** Milliseconds to the first byte. */
  readonly ttft?: number;
  /** Tokens a second. */
  readonly rate?: number;
  readonly replay?: string;
  readonly match: ReplayMatch;
  readonly scenario?: string;
  readonly requireKey?: boolean;
  /** Each as it was given. */
  readonly fault?: readonly string[];
}

export async function simulate(options: SimulateOptions): Promise<number> {
  ignoreClosedOutput();
  try {
    const simulator = await startSimulator(await toSimulatorOptions(options));
    const ended = untilSignal(() => simulator.close());
    process.stdout.write(`listening on ${simulator.url}\n`);
    await ended;
    return 0;
  } catch (error) {
    return reportStartFailure(error, 'simulate');
  }
}

async function toSimulatorOptions(options: SimulateOptions): Promise<SimulatorOptions> {
  const { scenario, fault = [], ttft, rate, ...others } = options;
  // A plan that stands alone may be a whole one, with a seed.
  const [plan, ...more] = fault;
  return {
    ...others,
    ...(ttft === undefined && rate === undefined
      ? {}
      : { pace: { firstByteMs: ttft, tokensPerSecond: rate } }),
    ...(scenario === undefined ? {} : { scenario: await loadScenario(scenario) }),
    ...(plan === undefined ? {} : { faults: more.length === 0 ? plan : fault }),
  };
}
