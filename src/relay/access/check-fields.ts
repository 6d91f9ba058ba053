// How fields of a configuration are checked. The first fault is thrown, with its field and reason.

import { AccessOptionError } from './access-option-error.ts';

export type Check = (value: unknown, field: string) => void;
type Checks = Readonly<Record<string, Check>>;

/** Every field is known, and right by its check. */
export function checkFields(value: unknown, field: string, checks: Checks): void {
  for (const [name, each] of Object.entries(checkedObject(value, field))) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (check === undefined)
      throw new AccessOptionError(
        `${field}.${name}`,
        `is not known; there are ${Object.keys(checks).join(', ')}`,
      );
    if (each !== undefined) check(each, `${field}.${name}`);
  }
}

export function checkedObject(value: unknown, field: string): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new AccessOptionError(field, `must be an object, not ${said(value)}`);
  return value;
}

export function listOf(check: Check, atLeast = 0): Check {
  return (value, field) => {
    if (!Array.isArray(value)) throw new AccessOptionError(field, `must be a list, not ${said(value)}`);
    if (value.length < atLeast)
      throw new AccessOptionError(field, 'is an empty list: leave it out, or say one at least');
    for (const [index, each] of value.entries()) check(each, `${field}[${index}]`);
  };
}

export function numberFrom(least: number): Check {
  return (value, field) => {
    if (value === Infinity || (Number.isSafeInteger(value) && (value as number) >= least)) return;
    throw new AccessOptionError(field, `must be a whole number from ${least} on, not ${said(value)}`);
  };
}

export function checkAmount(value: unknown, field: string): void {
  if (typeof value !== 'number' || !(value >= 0))
    throw new AccessOptionError(field, `must be an amount, 0 or more, not ${said(value)}`);
}

export function checkBoolean(value: unknown, field: string): void {
  if (typeof value !== 'boolean')
    throw new AccessOptionError(field, `must be true or false, not ${said(value)}`);
}

export function checkText(value: unknown, field: string): void {
  if (typeof value !== 'string' || value === '')
    throw new AccessOptionError(field, `must be a string that is not empty, not ${said(value)}`);
}

export function matching(
  value: unknown,
  field: string,
  { pattern, wanted }: { pattern: RegExp; wanted: string },
): void {
  if (typeof value !== 'string' || !pattern.test(value))
    throw new AccessOptionError(field, `must be ${wanted}, not ${said(value)}`);
}

/** A list or an object may hold anything. */
export function said(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'a list' : 'an object';
  return JSON.stringify(value) ?? String(value);
}

/** All of `needed` are there. */
export function checkComplete(
  value: unknown,
  field: string,
  { needed, others = {} }: { needed: Checks; others?: Checks },
): void {
  checkFields(value, field, { ...needed, ...others });
  const missing = Object.keys(needed).find((name) => !Object.hasOwn(value as object, name));
  if (missing !== undefined) throw new AccessOptionError(`${field}.${missing}`, 'is missing');
}
