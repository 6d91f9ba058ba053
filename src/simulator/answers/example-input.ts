// A tool input that fits a JSON schema: always the same one, with every property there is. Where a schema leads back to
// itself, what may be left out is. The rarer keywords (`not`, `if`, `contains`, `dependentSchemas`) are not followed.

import type { JsonObject } from '../json-object.ts';
import { isObject } from '../validate-value.ts';
import { exampleNumber } from './example-number.ts';
import { exampleText } from './example-text.ts';
import { SchemaReader } from './schema-reader.ts';

/** What an input may hold at most; a schema can refer to itself. Beyond it values are null and objects empty. */
const maxDepth = 12;
const maxValues = 2000;

export function exampleInput(schema: JsonObject): JsonObject {
  return new Example(schema).input(schema);
}

/** A value's place, and what stands around it. */
interface Place {
  readonly name: string;
  readonly depth: number;
  /** The references that led here: one that is among them leads round in a circle. */
  readonly open: ReadonlySet<string>;
}

class Example {
  readonly #schemas: SchemaReader;
  #valuesLeft = maxValues;

  constructor(root: JsonObject) {
    this.#schemas = new SchemaReader(root);
  }

  /** An object, whatever else the schema would allow. */
  input(schema: JsonObject): JsonObject {
    const place = { name: '', depth: 0, open: new Set(['#']) };
    return this.#object(this.#schemas.read(schema, place.open).schema, place);
  }

  #value(given: unknown, place: Place): unknown {
    this.#valuesLeft -= 1;
    if (place.depth > maxDepth || this.#valuesLeft <= 0) return null;
    const { schema, open } = this.#schemas.read(given, place.open);
    const fixed = fixedValue(schema);
    return fixed === undefined ? this.#typed(schema, { ...place, open }) : fixed;
  }

  #typed(schema: JsonObject, place: Place): unknown {
    const byType: Readonly<Record<string, () => unknown>> = {
      string: () => exampleText(schema, place.name),
      number: () => exampleNumber(schema, 'number'),
      integer: () => exampleNumber(schema, 'integer'),
      boolean: () => true,
      array: () => this.#array(schema, place),
      object: () => this.#object(schema, place),
      null: () => null,
    };
    const type = typeOf(schema);
    return Object.hasOwn(byType, type) ? byType[type]?.() : null;
  }

  #object(schema: JsonObject, { depth, open }: Place): JsonObject {
    const wanted = isObject(schema['properties']) ? schema['properties'] : {};
    const required = new Set(Array.isArray(schema['required']) ? schema['required'] : []);
    const entries = Object.entries(wanted)
      .filter(([name, property]) => this.#mayHold(property, { isRequired: required.has(name), open }))
      .filter(() => depth < maxDepth && this.#valuesLeft > 0)
      .map(([name, property]): [string, unknown] => [
        name,
        this.#value(property, { name, depth: depth + 1, open }),
      ]);
    const others = additionalNames(schema, new Set(entries.map(([name]) => name)))
      .filter(() => depth < maxDepth && this.#valuesLeft > 0)
      .map((name): [string, unknown] => [
        name,
        this.#value(schema['additionalProperties'], { name, depth: depth + 1, open }),
      ]);
    return Object.fromEntries([...entries, ...others]);
  }

  #mayHold(property: unknown, { isRequired, open }: { isRequired: boolean; open: Place['open'] }): boolean {
    if (property === false) return false;
    return isRequired || !this.#schemas.isCircular(property, open);
  }

  #array(schema: JsonObject, { name, depth, open }: Place): unknown[] {
    const { items, minItems, maxItems, uniqueItems } = schema;
    const heads = [schema['prefixItems'], items].find(Array.isArray) as readonly unknown[] | undefined;
    const tail = heads === items ? schema['additionalItems'] : items;
    const usual = isObject(tail) && !this.#schemas.isCircular(tail, open) ? 2 : 0;
    const least = numberOr(minItems, heads?.length ?? (uniqueItems === true ? Math.min(usual, 1) : usual));
    const length = Math.min(least, numberOr(maxItems, least));
    const values: unknown[] = [];
    while (values.length < length && this.#valuesLeft > 0) {
      const item = heads?.[values.length] ?? tail;
      const value = this.#value(item, { name, depth: depth + 1, open });
      values.push(
        uniqueItems === true ? otherThan(values, value, this.#schemas.read(item, open).schema) : value,
      );
    }
    return values;
  }
}

const mostNames = 100;

/** What must be there, by name or by number, and is no property. */
function additionalNames(schema: JsonObject, taken: ReadonlySet<string>): string[] {
  const { required, minProperties, properties, additionalProperties: others } = schema;
  const named = (Array.isArray(required) ? required : []).filter(
    (name): name is string =>
      typeof name === 'string' &&
      !taken.has(name) &&
      !(isObject(properties) && Object.hasOwn(properties, name)),
  );
  const missing = Math.min(numberOr(minProperties, 0) - taken.size - named.length, mostNames);
  const numbered = Array.from({ length: Math.max(missing, 0) }, (_, index) => `key_${index + 1}`);
  return others === false ? named : [...named, ...numbered];
}

/** The value, or where it is among the others already one that differs from them, as far as the schema has one. */
function otherThan(values: readonly unknown[], value: unknown, schema: JsonObject): unknown {
  const taken = new Set(values.map((each) => JSON.stringify(each)));
  const others = [value, ...alternatives(value, values.length, schema)];
  return others.find((each) => !taken.has(JSON.stringify(each))) ?? value;
}

function alternatives(value: unknown, count: number, schema: JsonObject): readonly unknown[] {
  if (Array.isArray(schema['enum'])) return schema['enum'];
  if (typeof value === 'boolean') return [!value];
  if (typeof value === 'string') return [`${value} ${count + 1}`];
  if (typeof value !== 'number') return [];
  const step = numberOr(schema['multipleOf'], 1);
  const fits = (each: number): boolean =>
    each >= numberOr(schema['minimum'], -Infinity) && each <= numberOr(schema['maximum'], Infinity);
  const above = Array.from({ length: count }, (_, index) => value + step * (index + 1));
  return [...above, ...above.map((each) => 2 * value - each)].filter(fits);
}

function fixedValue({ const: constant, default: preset, enum: choices, examples }: JsonObject): unknown {
  if (constant !== undefined) return constant;
  if (Array.isArray(choices)) return choices[0];
  return preset ?? (Array.isArray(examples) ? examples[0] : undefined);
}

/** What the schema of a value without a type has that only values of one type have. */
const typesByKeyword: Readonly<Record<string, string>> = {
  properties: 'object',
  additionalProperties: 'object',
  required: 'object',
  minProperties: 'object',
  items: 'array',
  prefixItems: 'array',
  minItems: 'array',
  uniqueItems: 'array',
  minimum: 'number',
  maximum: 'number',
  exclusiveMinimum: 'number',
  exclusiveMaximum: 'number',
  multipleOf: 'number',
};

function typeOf(schema: JsonObject): string {
  const { type } = schema;
  const named: unknown = Array.isArray(type) ? (type.find((each) => each !== 'null') ?? type[0]) : type;
  if (typeof named === 'string') return named;
  const keyword = Object.keys(typesByKeyword).find((each) => schema[each] !== undefined);
  return typesByKeyword[keyword ?? ''] ?? 'string';
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}
