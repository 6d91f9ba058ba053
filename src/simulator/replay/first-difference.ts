// Where two JSON values differ first. Without recursion: they come from outside, as deep as they like.

import type { JsonObject } from '../json-object.ts';

export interface Difference {
  /** Such as `body.messages.0.content`. */
  readonly path: string;
  /** Undefined where there is nothing. */
  readonly recorded: unknown;
  readonly asked: unknown;
}

interface Pair extends Difference {
  readonly path: string;
}

/** In the order of the recorded value; the order of keys does not count. Undefined for equal ones. */
export function firstDifference(pair: Difference): Difference | undefined {
  const left: Pair[] = [pair];
  for (;;) {
    const next = left.pop();
    if (next === undefined) return undefined;
    const { path, recorded, asked } = next;
    if (Object.is(recorded, asked)) continue;
    const fields = asFields(recorded);
    const others = asFields(asked);
    if (fields === undefined || others === undefined || Array.isArray(recorded) !== Array.isArray(asked)) {
      return next;
    }
    const names = [...new Set([...Object.keys(fields), ...Object.keys(others)])];
    for (const name of names.toReversed()) {
      left.push({ path: `${path}.${name}`, recorded: own(fields, name), asked: own(others, name) });
    }
  }
}

function asFields(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null ? (value as JsonObject) : undefined;
}

function own(fields: JsonObject, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}
