// Options that are numbers, checked where they are given.

import { misuse } from './misuse.ts';

/** Throws a RangeError unless `value` is a number above 0; Infinity is one. */
export function demandPositive(name: string, value: number): number {
  return demand(name, value, { isMet: value > 0, wanted: 'a number above 0' });
}

/** Throws a RangeError unless `value` is a whole number, 0 or more. */
export function demandCount(name: string, value: number): number {
  return demand(name, value, {
    isMet: Number.isInteger(value) && value >= 0,
    wanted: 'a whole number, 0 or more',
  });
}

/** Throws a RangeError unless `value` is 0 or more; Infinity is. */
export function demandNotNegative(name: string, value: number): number {
  return demand(name, value, { isMet: value >= 0, wanted: 'a number, 0 or more' });
}

/** `base` with what `own` says in place of its fields, each checked by its rule. */
export function overlay<Options extends object>(
  base: Options,
  own: Partial<Options> | undefined,
  { group, rules }: { group: string; rules: { [Name in keyof Options]?: typeof demandCount } },
): Options {
  const all = { ...base };
  for (const name of Object.keys(base) as (keyof Options & string)[]) {
    const value = own?.[name];
    if (value === undefined) continue;
    rules[name]?.(`${group}.${name}`, value as number);
    all[name] = value;
  }
  return all;
}

function demand(name: string, value: number, { isMet, wanted }: { isMet: boolean; wanted: string }): number {
  if (typeof value !== 'number' || !isMet) {
    throw misuse(new RangeError(`Cannot use ${name}: ${String(value)}; ${wanted} is wanted`));
  }
  return value;
}
