// Checks of the single fields of a fault plan. Each throws an ApiError that begins with the field's path.

import { invalidRequest } from '../api-errors.ts';
import { requireInteger, requireString, requireValue } from '../validate-value.ts';

export interface Field {
  /** The value, or what it stands for when it was left out. */
  parse(value: unknown, path: string): unknown;
}

/** What a left-out field stands for: nothing, a value, or an error. */
type Absence = { readonly isRequired: true } | { readonly fallback?: unknown };

function field(check: Field['parse'], absence: Absence): Field {
  return {
    parse(value, path) {
      const isOpen = value === undefined && !('isRequired' in absence);
      return isOpen ? absence.fallback : check(value, path);
    },
  };
}

export interface Range {
  readonly least: number;
  readonly most: number;
}

export function integer({ least, most }: Range, absence: Absence = {}): Field {
  return field((value, path) => {
    const number = requireInteger(value, path, least);
    if (number > most) throw invalidRequest(`${path}: Input should be less than or equal to ${most}`);
    return number;
  }, absence);
}

export function share(fallback: number): Field {
  return field(
    (value, path) => {
      if (typeof value === 'number' && value >= 0 && value <= 1) return value;
      throw invalidRequest(`${path}: Input should be a number from 0 to 1`);
    },
    { fallback },
  );
}

export function flag(fallback?: boolean): Field {
  return field(
    (value, path) => {
      if (typeof value === 'boolean') return value;
      throw invalidRequest(`${path}: Input should be a valid boolean`);
    },
    { fallback },
  );
}

export function oneOf(choices: readonly (string | number)[], absence: Absence = {}): Field {
  return field((value, path) => {
    requireValue(value, path);
    if (choices.some((choice) => choice === value)) return value;
    const wanted = choices.map((choice) => (typeof choice === 'string' ? `'${choice}'` : choice)).join(', ');
    throw invalidRequest(`${path}: Input should be ${wanted}`);
  }, absence);
}

/** Text that can stand in a header. */
export function line(absence: Absence = {}): Field {
  return field((value, path) => {
    const text = requireString(value, path);
    if (/^[\t\x20-\x7e]*$/.test(text)) return text;
    throw invalidRequest(`${path}: Input should be one line of ASCII`);
  }, absence);
}

export function text(): Field {
  return field(requireString, {});
}

/** Seconds, or a date as HTTP writes it. */
export function retryAfter(): Field {
  const date = line();
  const seconds = integer({ least: 0, most: 1e9 });
  return field((value, path) => (typeof value === 'string' ? date : seconds).parse(value, path), {});
}
