// A tool input that fits a JSON schema: always the same one, with every property there is. Patterns and the rarer
// keywords (`not`, `if`, `dependentSchemas`) are not followed.

import type { JsonObject } from '../json-object.ts';
import { isObject } from '../validate-value.ts';

/** What an input may hold at most; a schema can refer to itself. Beyond it values are null and objects empty. */
const maxDepth = 12;
const maxValues = 2000;

export function exampleInput(schema: JsonObject): JsonObject {
  return new Example(schema).object(schema, 0);
}

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
  email: 'ada@example.com',
  time: '09:30:00Z',
  uri: 'https://example.com/',
  uuid: '2f1c6d0e-5b7a-4c3d-8e9f-0a1b2c3d4e5f',
};

class Example {
  readonly #root: JsonObject;
  #valuesLeft = maxValues;

  constructor(root: JsonObject) {
    this.#root = root;
  }

  object(schema: JsonObject, depth: number): JsonObject {
    const properties = isObject(schema['properties']) ? schema['properties'] : {};
    const entries = Object.entries(properties)
      .filter(() => depth < maxDepth && this.#valuesLeft > 0)
      .map(([name, property]): [string, unknown] => [name, this.#value(property, name, depth + 1)]);
    return Object.fromEntries(entries);
  }

  #value(given: unknown, name: string, depth: number): unknown {
    this.#valuesLeft -= 1;
    if (depth > maxDepth || this.#valuesLeft <= 0) return null;
    const schema = this.#resolve(given);
    const fixed = fixedValue(schema);
    if (fixed !== undefined) return fixed;
    const variants = schema['anyOf'] ?? schema['oneOf'] ?? schema['allOf'];
    if (Array.isArray(variants)) return this.#value(variants.find(isNotNull) ?? null, name, depth);
    return this.#typed(schema, name, depth);
  }

  #typed(schema: JsonObject, name: string, depth: number): unknown {
    const byType: Readonly<Record<string, () => unknown>> = {
      string: () => exampleText(schema, name),
      number: () => exampleNumber(schema, 2.5),
      integer: () => exampleNumber(schema, 3),
      boolean: () => true,
      array: () => this.#array(schema, name, depth),
      object: () => this.object(schema, depth),
      null: () => null,
    };
    const type = typeOf(schema);
    return Object.hasOwn(byType, type) ? byType[type]?.() : null;
  }

  #array(schema: JsonObject, name: string, depth: number): unknown[] {
    const { items } = schema;
    if (!isObject(items)) return [];
    const least = numberOr(schema['minItems'], 2);
    const length = Math.min(least, numberOr(schema['maxItems'], least));
    const values: unknown[] = [];
    while (values.length < length && this.#valuesLeft > 0) values.push(this.#value(items, name, depth + 1));
    return values;
  }

  /** Follows local references; each step costs a value, so that a circle of them ends. */
  #resolve(given: unknown): JsonObject {
    let schema = given;
    while (isObject(schema) && typeof schema['$ref'] === 'string' && this.#valuesLeft > 0) {
      this.#valuesLeft -= 1;
      const path = schema['$ref'].split('/').slice(1);
      schema = path.reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), this.#root);
    }
    return isObject(schema) ? schema : {};
  }
}

function fixedValue({ const: constant, default: preset, enum: choices, examples }: JsonObject): unknown {
  if (constant !== undefined) return constant;
  if (Array.isArray(choices)) return choices[0];
  return preset ?? (Array.isArray(examples) ? examples[0] : undefined);
}

function isNotNull(schema: unknown): boolean {
  return isObject(schema) && schema['type'] !== 'null';
}

function typeOf({ type, properties, items }: JsonObject): string {
  const named: unknown = Array.isArray(type) ? type.find((each) => each !== 'null') : type;
  if (typeof named === 'string') return named;
  if (isObject(properties)) return 'object';
  return isObject(items) ? 'array' : 'string';
}

function exampleText(schema: JsonObject, name: string): string {
  const format = typeof schema['format'] === 'string' ? exampleFormats[schema['format']] : undefined;
  const known = Object.hasOwn(exampleTexts, name) ? exampleTexts[name] : undefined;
  const text = format ?? known ?? `an example of ${name.replaceAll(/[_-]+/g, ' ')}`;
  const least = Math.min(numberOr(schema['minLength'], 0), 10_000);
  return text.padEnd(least, '.').slice(0, numberOr(schema['maxLength'], Infinity));
}

function exampleNumber(schema: JsonObject, usual: number): number {
  const step = numberOr(schema['multipleOf'], 0);
  const low = numberOr(schema['minimum'], numberOr(schema['exclusiveMinimum'], -Infinity) + 1);
  const high = numberOr(schema['maximum'], numberOr(schema['exclusiveMaximum'], Infinity) - 1);
  const value = Math.min(Math.max(usual, low), high);
  return step > 0 ? Math.ceil(value / step) * step : value;
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}
