// What a simulator can be told, and what it does when told nothing.

import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import type { Fault, FaultPlan } from './faults/fault.ts';
import type { ReplayMatch } from './replay/replay-matcher.ts';

export interface SimulatorOptions {
  /** The port to listen on; 0, the default, is any free one. */
  port?: number;
  /** The address to listen on; default 127.0.0.1. */
  host?: string;
  /** How fast answers come: 1, the default, as a model's; 2 twice as fast; 0 as fast as they are read. */
  speed?: number;
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
  faults?: Fault | readonly Fault[] | FaultPlan;
  /** Where time comes from; default the system. */
  clock?: Clock;
}

type Optional = 'replay' | 'faults' | 'keys';

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
    clock: systemClock,
    ...withoutUndefined(options),
  };
  const { port, speed, maxBodyBytes, seed } = settings;
  demand(Number.isInteger(port) && port >= 0 && port <= 65_535, `port ${port}: a whole number up to 65535`);
  demand(Number.isFinite(speed) && speed >= 0, `speed ${speed}: a number, 0 or more`);
  demand(maxBodyBytes > 0, `maxBodyBytes ${maxBodyBytes}: a number above 0`);
  demand(Number.isFinite(seed), `seed ${seed}: a number`);
  return settings;
}

/** So that an option passed as undefined is an option left out. */
function withoutUndefined(options: SimulatorOptions): SimulatorOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

function demand(isMet: boolean, presentAndWanted: string): void {
  if (!isMet) throw new RangeError(`Cannot start the simulator with ${presentAndWanted} is wanted`);
}
