// What a simulator can be told, and what it does when told nothing.

import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import type { FaultInput } from './faults/fault.ts';
import type { Pace } from './pacer.ts';
import type { ReplayMatch } from './replay/replay-matcher.ts';
import type { Scenario, ScenarioRule } from './scenario/scenario.ts';
import { seamKinds } from './seam.ts';
import type { SeamKind } from './seam.ts';

export interface SimulatorOptions {
  /** The port to listen on; 0, the default, is any free one. */
  port?: number;
  /** The address to listen on; default 127.0.0.1. */
  host?: string;
  /** How fast answers come: 1, the default, as a model's; 2 twice as fast; 0 as fast as they are read. */
  speed?: number;
  /** A pace of its own in place of the models'; `speed` scales it as it does theirs, and cannot be 0. */
  pace?: Pace;
  /** Ids, delta cuts, padding and pacing follow from this and the number of the request; default 1. */
  seed?: number;
  /**
   * What to answer with: a folder of recordings, or one of their `.json` files, whose requests get their recorded
   * answers; or a recorded stream, as bytes or the name of its file, with which every valid streaming request is
   * answered, event by event.
   */
  replay?: string | URL | Uint8Array;
  /** What a request gets that equals no recorded one: `order`, the next of its path, or `strict`, a 404. */
  match?: ReplayMatch;
  /** The largest request body; a larger one is answered with the API's 413. Default 32 MiB, as the API. */
  maxBodyBytes?: number;
  /** Answer a request without a key with the API's 401. Default false: any key or none will do. */
  requireKey?: boolean;
  /** The keys to take; another one is answered with the API's 401. Default: any but one that says `invalid`. */
  keys?: readonly string[];
  /** Names of models to take beside the known ones; they have no limits. Default none. */
  models?: readonly string[];
  /** What goes wrong from the beginning, for requests that bring no plan of their own; default nothing. */
  faults?: FaultInput;
  /** What is answered to whom; `loadScenario` reads one from a file. Default the built-in answers. */
  scenario?: Scenario | readonly ScenarioRule[];
  /** How an answer begins that a user turn asks to go on: exactly where it was, the default, or as models do. */
  seam?: SeamKind;
  /** Where time comes from; default the system. */
  clock?: Clock;
}

type Optional = 'pace' | 'replay' | 'faults' | 'keys' | 'scenario';

export type Settings = Required<Omit<SimulatorOptions, Optional>> & Pick<SimulatorOptions, Optional>;

/** Throws a RangeError for a number out of range. */
export function resolveOptions(options: SimulatorOptions): Settings {
  const settings = {
    port: 0,
    host: '127.0.0.1',
    speed: 1,
    seed: 1,
    maxBodyBytes: 32 * 2 ** 20,
    requireKey: false,
    models: [],
    match: 'order' as const,
    seam: 'exact' as const,
    clock: systemClock,
    ...withoutUndefined(options),
  };
  const { port, speed, maxBodyBytes, seed, seam } = settings;
  demand(Number.isInteger(port) && port >= 0 && port <= 65_535, `port ${port}: a whole number up to 65535`);
  demand(Number.isFinite(speed) && speed >= 0, `speed ${speed}: a number, 0 or more`);
  demand(maxBodyBytes > 0, `maxBodyBytes ${maxBodyBytes}: a number above 0`);
  demand(Number.isFinite(seed), `seed ${seed}: a number`);
  if (settings.pace !== undefined) checkPace(settings.pace, speed);
  demand(seamKinds.includes(seam), `seam ${seam}: one of ${seamKinds.join(', ')}`);
  return settings;
}

function checkPace({ firstByteMs = 0, tokensPerSecond = 1 }: Pace, speed: number): void {
  demand(
    Number.isFinite(firstByteMs) && firstByteMs >= 0,
    `pace.firstByteMs ${firstByteMs}: a number, 0 or more,`,
  );
  demand(
    Number.isFinite(tokensPerSecond) && tokensPerSecond > 0,
    `pace.tokensPerSecond ${tokensPerSecond}: a number above 0`,
  );
  demand(speed > 0, 'speed 0 and a pace: one of the two');
}

/** So that an option passed as undefined is an option left out. */
function withoutUndefined(options: SimulatorOptions): SimulatorOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function demand(isMet: boolean, presentAndWanted: string): void {
  if (!isMet) throw new RangeError(`Cannot start the simulator with ${presentAndWanted} is wanted`);
}
