// A schema as the caller has it, of a library or plain JSON Schema: its type, its JSON Schema, and the check of a
// value against it.

import { checkJson } from './check-json.ts';
import type { FromJsonSchema, JsonSchema } from './json-schema.ts';
import { isStandardSchema } from './standard-schema.ts';
import type { SchemaIssue, StandardSchema } from './standard-schema.ts';
import { misuse } from '../misuse.ts';

/** A schema of zod, Valibot, ArkType or any other library that follows Standard Schema v1; or JSON Schema. */
export type ValueSchema = StandardSchema | JsonSchema;

/** What a value is after the check. */
export type SchemaOutput<Schema> = Schema extends { readonly '~standard': { readonly types?: infer Types } }
  ? NonNullable<Types> extends { readonly output: infer Output }
    ? Output
    : unknown
  : FromJsonSchema<Schema>;

/** What a value is before the check, as the model writes it. */
export type SchemaInput<Schema> = Schema extends { readonly '~standard': { readonly types?: infer Types } }
  ? NonNullable<Types> extends { readonly input: infer Input }
    ? Input
    : unknown
  : FromJsonSchema<Schema>;

/** A value that is still being written. */
export type DeepPartial<T> = T extends readonly (infer Item)[]
  ? DeepPartial<Item>[]
  : T extends object
    ? { [Key in keyof T]?: DeepPartial<T[Key]> }
    : T;

/**
 * The JSON Schema to send. Throws a TypeError when the schema's library does not give one and `jsonSchema` was not
 * given; rethrows the library's own error for what JSON Schema cannot express.
 */
export function toJsonSchema(
  schema: ValueSchema,
  { of, jsonSchema }: { of: string; jsonSchema?: JsonSchema | undefined },
): JsonSchema {
  if (jsonSchema !== undefined) return jsonSchema;
  if (!isStandardSchema(schema)) return schema;
  const { vendor, jsonSchema: converter } = schema['~standard'];
  if (converter === undefined) {
    throw misuse(
      new TypeError(`Cannot send ${of}: ${vendor} gives no JSON Schema of it; pass one as jsonSchema`),
    );
  }
  const { $schema: _, ...described } = converter.input({ target: 'draft-2020-12' });
  return described;
}

export type Checked<T> = { readonly value: T } | { readonly issues: readonly SchemaIssue[] };

/** The value as the schema makes it, or what is wrong with it. Rejects with what the schema's library throws. */
export async function checkValue(schema: ValueSchema, value: unknown): Promise<Checked<unknown>> {
  if (isStandardSchema(schema)) {
    const result = await schema['~standard'].validate(value);
    return result.issues === undefined ? { value: result.value } : { issues: result.issues };
  }
  const issues = checkJson(schema, value);
  return issues.length === 0 ? { value } : { issues };
}

/** The most issues that are written out. */
const maxDescribed = 20;

/** One line for each, with its place: `days[0].high: expected number, got string`. */
export function describeIssues(issues: readonly SchemaIssue[]): string {
  const lines = issues.slice(0, maxDescribed).map(({ path = [], message }) => {
    const place = path.map((part) => toPlace(typeof part === 'object' ? part.key : part)).join('');
    return place === '' ? message : `${place.replace(/^\./, '')}: ${message}`;
  });
  const more = issues.length - lines.length;
  return [...lines, ...(more > 0 ? [`and ${more} more`] : [])].join('\n');
}

function toPlace(key: PropertyKey): string {
  return typeof key === 'number' ? `[${key}]` : `.${String(key)}`;
}
