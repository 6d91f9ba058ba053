// What a value that somebody wrote must look like, and what is said when it does not. All problems are found, not
// only the first.

import { inspect } from 'node:util';

import { closestName } from './closest-name.ts';
import type { Path, Problem } from './problem.ts';

/** A place in a document, where problems are reported. */
export class Spot {
  readonly path: Path;
  readonly #problems: Problem[];

  constructor(problems: Problem[], path: Path = []) {
    this.path = path;
    this.#problems = problems;
  }

  at(key: string | number): Spot {
    return new Spot(this.#problems, [...this.path, key]);
  }

  report(message: string): void {
    this.#problems.push({ path: this.path, message });
  }

  /** The value present and the value wanted. */
  want(wanted: string, value: unknown): void {
    this.report(
      value === undefined ? `missing; wanted: ${wanted}` : `found ${show(value)}; wanted: ${wanted}`,
    );
  }
}

/** All that is wrong with a value. */
export function problemsOf(value: unknown, shape: Shape): readonly Problem[] {
  const problems: Problem[] = [];
  shape(value, new Spot(problems));
  return problems;
}

/** Reports to the spot whatever is wrong with a value that is there. */
export type Shape = (value: unknown, spot: Spot) => void;

export function where(isFitting: (value: unknown) => boolean, wanted: string): Shape {
  return (value, spot) => {
    if (!isFitting(value)) spot.want(wanted, value);
  };
}

export const text: Shape = where((value) => typeof value === 'string', 'a text');
export const flag: Shape = where((value) => typeof value === 'boolean', 'true or false');

export function integerFrom(least: number, most: number = Number.MAX_SAFE_INTEGER): Shape {
  const upTo = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`;
  return where(
    (value) => Number.isInteger(value) && Number(value) >= least && Number(value) <= most,
    `a whole number ${upTo}`,
  );
}

export function oneOf(...choices: readonly unknown[]): Shape {
  return where(
    (value) => choices.includes(value),
    choices.map((choice) => JSON.stringify(choice)).join(' or '),
  );
}

export function orNull(shape: Shape): Shape {
  return (value, spot) => {
    if (value !== null) shape(value, spot);
  };
}

export function listOf(item: Shape, wanted: string): Shape {
  return (value, spot) => {
    if (!Array.isArray(value)) return spot.want(wanted, value);
    for (const [index, each] of (value as readonly unknown[]).entries()) item(each, spot.at(index));
  };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export type Fields = Readonly<Record<string, Shape>>;

/** An object with these fields and no others; undefined counts as left out. */
export function objectOf(fields: Fields, required: readonly string[] = []): Shape {
  return (value, spot) => {
    if (!isObject(value)) return spot.want(`an object with ${Object.keys(fields).join(', ')}`, value);
    for (const [name, field] of Object.entries(value)) checkField(fields, [name, field], spot);
    for (const name of required) {
      if (value[name] === undefined) spot.at(name).report('missing');
    }
  };
}

function checkField(fields: Fields, [name, value]: readonly [string, unknown], spot: Spot): void {
  const shape = Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (shape !== undefined) {
    if (value !== undefined) shape(value, spot.at(name));
    return;
  }
  reportUnknown(name, Object.keys(fields), spot);
}

export function reportUnknown(name: string, names: readonly string[], spot: Spot): void {
  const closest = closestName(name, names);
  const hint = closest === undefined ? '' : `; did you mean ${closest}?`;
  spot.at(name).report(`no such field${hint} (there are ${names.join(', ')})`);
}

const mostShown = 60;

/** A value in print, not too much of it. */
export function show(value: unknown): string {
  const shown = typeof value === 'string' ? JSON.stringify(value) : inspect(value, inspection);
  return shown.length > mostShown ? `${shown.slice(0, mostShown)}…` : shown;
}

const inspection = { depth: 1, breakLength: Infinity, maxArrayLength: 3, maxStringLength: mostShown };
