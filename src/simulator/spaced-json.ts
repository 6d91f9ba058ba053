// JSON as the models write it: with a space after each colon and comma.

import { isObject } from './validate-value.ts';

export function toSpacedJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(toSpacedJson).join(', ')}]`;
  if (!isObject(value)) return JSON.stringify(value ?? null);
  const entries = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${toSpacedJson(item)}`);
  return `{${entries.join(', ')}}`;
}
