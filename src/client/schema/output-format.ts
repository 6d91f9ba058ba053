// The JSON Schema of an answer as the API takes it for structured output (and for strict tools): objects closed,
// and what its grammar cannot hold the model to said in the description instead. The check of the value afterwards
// is by the caller's own schema and leaves nothing out.

import type { JsonSchema } from './json-schema.ts';
import { toJsonSchema } from './value-schema.ts';
import type { ValueSchema } from './value-schema.ts';
import { misuse } from '../misuse.ts';

/** What stands in `output_config.format`. */
export interface OutputFormat {
  readonly type: 'json_schema';
  readonly schema: JsonSchema;
}

/**
 * The format of an answer that is to be JSON of this schema.
 *
 * @example
 * client.messages.stream({ ...params, output_config: { format: outputFormat(schema) } });
 *
 * Throws a TypeError for a schema that it cannot express: objects with names of any kind.
 */
export function outputFormat(schema: ValueSchema, jsonSchema?: JsonSchema): OutputFormat {
  return { type: 'json_schema', schema: toStrict(toJsonSchema(schema, { of: 'the output', jsonSchema })) };
}

/** Source: the API's documentation of structured outputs. */
const unsupported: ReadonlySet<string> = new Set(
  (
    'minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minLength maxLength pattern maxItems ' +
    'uniqueItems minProperties maxProperties propertyNames patternProperties not if then else contains ' +
    'dependentRequired'
  ).split(' '),
);

const formats: ReadonlySet<unknown> = new Set(
  'date-time time date duration email hostname uri ipv4 ipv6 uuid'.split(' '),
);

/** A schema that the grammar takes. */
export function toStrict(schema: JsonSchema): JsonSchema {
  const strict: Record<string, unknown> = {};
  const unsaid: string[] = [];
  for (const [keyword, argument] of Object.entries(schema)) {
    if (keyword === '$schema' || keyword === 'additionalProperties') continue;
    if (isSupported(keyword, argument)) {
      strict[keyword === 'oneOf' ? 'anyOf' : keyword] = nested[keyword]?.(argument) ?? argument;
    } else unsaid.push(`${keyword}: ${JSON.stringify(argument)}`);
  }
  if (schema['type'] === 'object' || schema['properties'] !== undefined) close(strict, schema);
  if (unsaid.length > 0) {
    const said = typeof schema['description'] === 'string' ? `${schema['description']}\n\n` : '';
    strict['description'] = `${said}{${unsaid.join(', ')}}`;
  }
  return strict;
}

function isSupported(keyword: string, argument: unknown): boolean {
  if (keyword === 'minItems') return argument === 0 || argument === 1;
  if (keyword === 'format') return formats.has(argument);
  return !unsupported.has(keyword);
}

/** Keywords that hold schemas. */
const nested: Readonly<Record<string, (argument: unknown) => unknown>> = {
  properties: eachValue,
  $defs: eachValue,
  definitions: eachValue,
  items: one,
  prefixItems: each,
  anyOf: each,
  oneOf: each,
  allOf: each,
};

function one(schema: unknown): unknown {
  return isSchema(schema) ? toStrict(schema) : schema;
}

function each(schemas: unknown): unknown {
  return Array.isArray(schemas) ? schemas.map(one) : schemas;
}

function eachValue(schemas: unknown): unknown {
  if (!isSchema(schemas)) return schemas;
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, one(schema)]));
}

function close(strict: Record<string, unknown>, { additionalProperties }: JsonSchema): void {
  // To close such an object would leave nothing that could stand in it.
  if (isSchema(additionalProperties) && Object.keys(additionalProperties).length > 0) {
    throw misuse(
      new TypeError('Cannot ask for an object with names of any kind: use a list of names and values'),
    );
  }
  strict['properties'] ??= {};
  strict['additionalProperties'] = false;
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
