// A text that a JSON schema allows, by its pattern, its format or its name.

import type { JsonObject } from '../json-object.ts';
import { patternText } from './pattern-text.ts';

/** What a property of this name most likely wants. */
const exampleTexts: Readonly<Record<string, string>> = {
  city: 'Lisbon',
  country: 'Portugal',
  location: 'Lisbon, Portugal',
  name: 'Ada',
  query: 'weather in Lisbon',
  unit: 'celsius',
};

const exampleFormats: Readonly<Record<string, string>> = {
  date: '2026-11-20',
  'date-time': '2026-11-20T09:30:00Z',
  duration: 'PT90M',
  email: 'ada@example.com',
  hostname: 'example.com',
  'idn-email': 'ada@example.com',
  'idn-hostname': 'example.com',
  ipv4: '192.0.2.1',
  ipv6: '2001:db8::1',
  iri: 'https://example.com/',
  'iri-reference': '/path',
  'json-pointer': '/path/0',
  regex: '^[a-z]+$',
  'relative-json-pointer': '1/path',
  time: '09:30:00Z',
  uri: 'https://example.com/',
  'uri-reference': '/path',
  'uri-template': 'https://example.com/{path}',
  url: 'https://example.com/',
  uuid: '2f1c6d0e-5b7a-4c3d-8e9f-0a1b2c3d4e5f',
};

/** However much a schema wants. */
const longestText = 10_000;

export function exampleText(schema: JsonObject, name: string): string {
  const { pattern, format, minLength, maxLength } = schema;
  const least = Math.min(numberOr(minLength, 0), longestText);
  const made = typeof pattern === 'string' ? patternText(pattern, least) : undefined;
  if (made !== undefined) return made;
  const known = typeof format === 'string' ? own(exampleFormats, format) : undefined;
  const text = known ?? own(exampleTexts, name) ?? `an example of ${name.replaceAll(/[_-]+/g, ' ')}`;
  return text.padEnd(least, '.').slice(0, numberOr(maxLength, Infinity));
}

function own(table: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}
