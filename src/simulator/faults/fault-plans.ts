// Which faults a request gets: by its header, by its prompt, or by the plan that was set. Keeps count of the
// requests each plan was for.

import { invalidRequest } from '../api-errors.ts';
import type { Clock } from '../clock.ts';
import { createRandom, drawInteger } from '../random.ts';
import { RateLimits } from '../rate-limits.ts';
import type { AppliedFault, FaultOf, ParsedPlan } from './fault.ts';

/** Beyond it the counts, and the limits, that were begun first are forgotten. */
const mostKept = 1000;

/** Where a place is drawn from when a plan says none: within the first events of most answers. */
const drawnBytes = { least: 1, most: 2000 };

export class FaultPlans {
  readonly #seed: number;
  readonly #clock: Clock;
  /** Requests that each plan was for. */
  readonly #counts = new Map<string, number>();
  /** For each plan and key of a caller. */
  readonly #limits = new Map<string, RateLimits>();

  constructor(seed: number, clock: Clock) {
    this.#seed = seed;
    this.#clock = clock;
  }

  /**
   * The plan's faults for the next request that it is for, with what is drawn filled in. The same plan, scope and
   * seed give the same faults for the first, the second, … request in every run.
   */
  next(plan: ParsedPlan, scope: string): AppliedFault[] {
    const name = `${scope}\0${toName(plan)}`;
    const number = (this.#counts.get(name) ?? 0) + 1;
    keep(this.#counts, name, number);
    const seed = plan.seed ?? this.#seed;
    return plan.faults.flatMap((fault, index) => {
      const random = createRandom(seed, 'fault', number, index);
      const { times = Infinity, skip, probability } = fault;
      const isDue = number > skip && number <= skip + times && random() < probability;
      return isDue ? [withPlace(fault, () => drawInteger(random, drawnBytes.least, drawnBytes.most))] : [];
    });
  }

  /** Counts from the beginning again. */
  forget(plan: ParsedPlan): void {
    for (const map of [this.#counts, this.#limits]) {
      for (const name of map.keys()) if (name.endsWith(`\0${toName(plan)}`)) map.delete(name);
    }
  }

  /** The limits of one caller under a plan. */
  limitsFor(fault: FaultOf<'rate_limit'>, plan: ParsedPlan, caller: string): RateLimits {
    const name = `${caller}\0${toName(plan)}`;
    const kept = this.#limits.get(name);
    if (kept !== undefined) return kept;
    const { requests, inputTokens, outputTokens } = fault;
    const limits = new RateLimits(this.#clock, {
      requests,
      'input-tokens': inputTokens,
      'output-tokens': outputTokens,
    });
    keep(this.#limits, name, limits);
    return limits;
  }
}

/** The plan in print: equal plans have equal names. */
function toName({ key, seed, faults }: ParsedPlan): string {
  return JSON.stringify({ key, seed, faults });
}

function withPlace(fault: AppliedFault, draw: () => number): AppliedFault {
  if (fault.kind !== 'cut' && fault.kind !== 'stall') return fault;
  return fault.atByte === undefined && fault.atEvent === undefined ? { ...fault, atByte: draw() } : fault;
}

/** The entry moves to the end, and the first leaves when there are too many. */
function keep<Value>(map: Map<string, Value>, name: string, value: Value): void {
  map.delete(name);
  map.set(name, value);
  for (const oldest of map.keys()) {
    if (map.size <= mostKept) break;
    map.delete(oldest);
  }
}

/** Throws an ApiError: a connection that is there cannot be refused any more. */
export function demandNoRefusal({ faults }: ParsedPlan, path: string): void {
  if (!faults.some(({ kind }) => kind === 'refuse')) return;
  throw invalidRequest(`${path}: 'refuse' is only possible by option, not by request`);
}
