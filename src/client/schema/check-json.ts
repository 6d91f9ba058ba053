// Whether a JSON value is what a JSON Schema describes. Follows draft 2020-12 for the keywords in the table below,
// which are those that schemas of tools are written with; other keywords (`format`, `if`, `contains`, …) constrain
// nothing here.

import type { JsonSchema } from './json-schema.ts';
import type { SchemaIssue } from './standard-schema.ts';

/** Deeper values are refused: a schema that refers to itself would have the call stack grow with what came. */
const maxDepth = 100;

/** One value, where it stands, and where its issues go. */
interface Place {
  readonly value: unknown;
  readonly path: readonly (string | number)[];
  /** The schema whose keyword is being read. */
  readonly schema: JsonSchema;
  readonly root: JsonSchema;
  readonly issues: SchemaIssue[];
  readonly depth: number;
}

type Keyword = (argument: unknown, place: Place) => void;

/** What is wrong with the value; empty when nothing is. */
export function checkJson(schema: JsonSchema, value: unknown): SchemaIssue[] {
  const issues: SchemaIssue[] = [];
  check(schema, { value, path: [], schema, root: schema, issues, depth: 0 });
  return issues;
}

function check(schema: unknown, place: Place): void {
  if (place.depth > maxDepth) return report(place, `nested deeper than ${maxDepth} levels`);
  if (schema === false) return report(place, 'not allowed here');
  if (!isObject(schema)) return;
  const inside = { ...place, schema, depth: place.depth + 1 };
  for (const [keyword, argument] of Object.entries(schema)) {
    if (Object.hasOwn(keywords, keyword)) keywords[keyword]?.(argument, inside);
  }
}

const keywords: Readonly<Record<string, Keyword>> = {
  type: (wanted, place) => {
    const types = listOf(wanted);
    if (types.length === 0 || types.some((type) => isOfType(place.value, type))) return;
    report(place, `expected ${types.join(' or ')}, got ${typeOf(place.value)}`);
  },
  enum: (values, place) => {
    if (listOf(values).some((each) => isSame(each, place.value))) return;
    report(place, `expected one of ${JSON.stringify(values)}`);
  },
  const: (wanted, place) => {
    if (!isSame(wanted, place.value)) report(place, `expected ${JSON.stringify(wanted)}`);
  },
  $ref: (reference, place) => {
    const target = resolve(String(reference), place.root);
    if (target !== undefined) check(target, place);
  },
  allOf: (schemas, place) => {
    for (const schema of listOf(schemas)) check(schema, place);
  },
  anyOf: (schemas, place) => {
    if (!listOf(schemas).some((schema) => isValid(schema, place)))
      report(place, 'matches none of the options');
  },
  oneOf: (schemas, place) => {
    const matches = listOf(schemas).filter((schema) => isValid(schema, place)).length;
    if (matches !== 1) report(place, `matches ${matches} of the options, and not exactly one`);
  },
  not: (schema, place) => {
    if (isValid(schema, place)) report(place, 'not allowed here');
  },
  required: (names, place) => {
    if (!isObject(place.value)) return;
    for (const name of listOf(names).map(String)) {
      if (!Object.hasOwn(place.value, name)) report(into(place, name), 'required, and missing');
    }
  },
  properties: (schemas, place) => {
    if (!isObject(schemas) || !isObject(place.value)) return;
    for (const [name, schema] of Object.entries(schemas)) {
      if (Object.hasOwn(place.value, name)) check(schema, into(place, name));
    }
  },
  patternProperties: (schemas, place) => {
    if (!isObject(schemas) || !isObject(place.value)) return;
    for (const name of Object.keys(place.value)) {
      for (const schema of matching(schemas, name)) check(schema, into(place, name));
    }
  },
  additionalProperties: (schema, place) => {
    if (!isObject(place.value)) return;
    const { properties, patternProperties } = place.schema;
    for (const name of Object.keys(place.value)) {
      const isListed = isObject(properties) && Object.hasOwn(properties, name);
      if (isListed || (isObject(patternProperties) && matching(patternProperties, name).length > 0)) continue;
      check(schema, into(place, name));
    }
  },
  prefixItems: (schemas, place) => {
    if (!Array.isArray(place.value)) return;
    const items = place.value as readonly unknown[];
    for (const [index, schema] of listOf(schemas).entries()) {
      if (index < items.length) check(schema, into(place, index));
    }
  },
  items: (schema, place) => {
    if (!Array.isArray(place.value)) return;
    const from = listOf(place.schema['prefixItems'] ?? []).length;
    for (let index = from; index < place.value.length; index += 1) check(schema, into(place, index));
  },
  minItems: bound(
    itemsIn,
    (limit) => `at least ${limit} items`,
    (size, limit) => size >= limit,
  ),
  maxItems: bound(
    itemsIn,
    (limit) => `at most ${limit} items`,
    (size, limit) => size <= limit,
  ),
  minLength: bound(
    charactersIn,
    (limit) => `at least ${limit} characters`,
    (size, limit) => size >= limit,
  ),
  maxLength: bound(
    charactersIn,
    (limit) => `at most ${limit} characters`,
    (size, limit) => size <= limit,
  ),
  minimum: bound(
    numberIn,
    (limit) => `at least ${limit}`,
    (size, limit) => size >= limit,
  ),
  maximum: bound(
    numberIn,
    (limit) => `at most ${limit}`,
    (size, limit) => size <= limit,
  ),
  exclusiveMinimum: bound(
    numberIn,
    (limit) => `more than ${limit}`,
    (size, limit) => size > limit,
  ),
  exclusiveMaximum: bound(
    numberIn,
    (limit) => `less than ${limit}`,
    (size, limit) => size < limit,
  ),
  pattern: (pattern, place) => {
    if (typeof place.value !== 'string' || new RegExp(String(pattern), 'u').test(place.value)) return;
    report(place, `does not match ${String(pattern)}`);
  },
};

/** A keyword that limits a size; values without that size are none of its business. */
function bound(
  measure: (value: unknown) => number | undefined,
  wanted: (limit: number) => string,
  isMet: (size: number, limit: number) => boolean,
): Keyword {
  return (limit, place) => {
    const size = measure(place.value);
    if (size === undefined || typeof limit !== 'number' || isMet(size, limit)) return;
    report(place, `expected ${wanted(limit)}, got ${size}`);
  };
}

function itemsIn(value: unknown): number | undefined {
  return Array.isArray(value) ? value.length : undefined;
}

/** Characters, as JSON Schema counts them, and not units of UTF-16. */
function charactersIn(value: unknown): number | undefined {
  if (typeof value !== 'string') return undefined;
  // A pair of surrogates is one character.
  return value.length - (value.match(/[\uD800-\uDBFF][\uDC00-\uDFFF]/g)?.length ?? 0);
}

function numberIn(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function report({ issues, path }: Place, message: string): void {
  issues.push({ path, message });
}

function into(place: Place, key: string | number): Place {
  const value = (place.value as Readonly<Record<string | number, unknown>>)[key];
  return { ...place, value, path: [...place.path, key] };
}

function isValid(schema: unknown, place: Place): boolean {
  const issues: SchemaIssue[] = [];
  check(schema, { ...place, issues });
  return issues.length === 0;
}

function matching(schemas: object, name: string): unknown[] {
  return Object.entries(schemas).flatMap(([pattern, schema]) =>
    new RegExp(pattern, 'u').test(name) ? [schema as unknown] : [],
  );
}

/** What a reference within the schema points to; undefined for any other. */
function resolve(reference: string, root: JsonSchema): unknown {
  if (!reference.startsWith('#')) return undefined;
  let target: unknown = root;
  for (const part of reference.split('/').slice(1)) {
    const name = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
    if (typeof target !== 'object' || target === null || !Object.hasOwn(target, name)) return undefined;
    target = (target as Readonly<Record<string, unknown>>)[name];
  }
  return target;
}

function isOfType(value: unknown, type: unknown): boolean {
  if (type === 'integer') return Number.isInteger(value);
  return typeOf(value) === type;
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

/** Lists and objects are compared as they are written: models write a constant as the schema has it. */
function isSame(one: unknown, other: unknown): boolean {
  if (typeof one !== 'object' || typeof other !== 'object') return one === other;
  return JSON.stringify(one) === JSON.stringify(other);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
