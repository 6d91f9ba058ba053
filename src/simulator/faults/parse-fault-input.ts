// A fault plan in any of the ways a program, a scenario or a command line can write it.

import { invalidRequest } from '../api-errors.ts';
import { isObject } from '../validate-value.ts';
import type { ParsedPlan } from './fault.ts';
import { parseFaultPlan } from './parse-fault-plan.ts';
import { readFaultText } from './short-form.ts';

/** Also takes texts such as `cut 1000 by=rst`, alone or in a list. Throws an ApiError that names the field. */
export function parseFaultInput(value: unknown, path: string): ParsedPlan {
  if (typeof value === 'string') return parseFaultPlan(readFaultText(value, path), path);
  if (!Array.isArray(value)) return parseFaultPlan(value, path);
  const faults = (value as readonly unknown[]).flatMap((each, index) => toFaults(each, `${path}.${index}`));
  return parseFaultPlan(faults, path);
}

function toFaults(value: unknown, path: string): readonly unknown[] {
  const read = typeof value === 'string' ? readFaultText(value, path) : value;
  if (Array.isArray(read)) return read;
  if (!isObject(read) || !('faults' in read)) return [read];
  // A seed or a key is one of the whole plan.
  if (Object.keys(read).length > 1) throw invalidRequest(`${path}: a whole plan cannot be one of several`);
  return Array.isArray(read['faults']) ? read['faults'] : [read['faults']];
}
