// What tools with `strict` may not have: their schemas are compiled into a grammar. The limits and texts are
// recorded. Left out: the limits of a schema's size that are known only to its compiler.

import { invalidRequest } from './api-errors.ts';
import type { JsonObject } from './json-object.ts';
import { isObject } from './validate-value.ts';

const mostTools = 20;
const mostOptional = 24;
const mostUnions = 16;
/** Recorded: so many unions are too many for one schema, though not for several together. */
const tooManyUnionsInOne = 16;

/** Throws an ApiError. Every tool was found sound in itself. */
export function checkStrictTools(tools: readonly unknown[]): void {
  const strict = tools.flatMap((tool, index) =>
    isObject(tool) && tool['strict'] === true ? [{ schema: tool['input_schema'], index }] : [],
  );
  if (strict.length > mostTools) {
    throw invalidRequest(
      `Too many strict tools (${strict.length}). The maximum number of strict tools supported is ${mostTools}. ` +
        'Try reducing the number of tools marked as strict.',
    );
  }
  for (const { schema, index } of strict) checkSchema(schema, `tools.${index}.custom`);
  checkTotals(strict.map(({ schema }) => countParameters(schema)));
}

function checkSchema(schema: unknown, path: string): void {
  const circle = findCircle(schema);
  if (circle !== undefined) {
    throw invalidRequest(
      `${path}: Invalid schema: Circular reference detected in schema definitions: ${circle.join(' -> ')}. ` +
        'Self-referencing or mutually-referencing definitions are not supported.',
    );
  }
  for (const { properties } of objectsIn(schema)) {
    if (!Object.values(properties).some((property) => typeof property === 'boolean')) continue;
    throw invalidRequest(`${path}: For 'object' type, property 'properties' is not supported`);
  }
}

interface ParameterCounts {
  readonly optional: number;
  readonly unions: number;
}

function checkTotals(counts: readonly ParameterCounts[]): void {
  const unions = counts.reduce((total, count) => total + count.unions, 0);
  if (unions > mostUnions) {
    throw invalidRequest(
      `Schemas contains too many parameters with union types (${unions} parameters with type arrays or anyOf). ` +
        'This causes exponential compilation cost. Reduce the number of nullable or union-typed parameters ' +
        `(limit: ${mostUnions} parameters with unions).`,
    );
  }
  const optional = counts.reduce((total, count) => total + count.optional, 0);
  if (optional > mostOptional) {
    throw invalidRequest(
      `Schemas contains too many optional parameters (${optional}), which would make grammar compilation ` +
        'inefficient. Reduce the number of optional parameters in your tool schemas ' +
        `(limit: ${mostOptional}).`,
    );
  }
  if (counts.some((count) => count.unions >= tooManyUnionsInOne)) {
    throw invalidRequest(
      'Schema is too complex for compilation. Try reducing the number of tools or simplifying tool schemas.',
    );
  }
}

function countParameters(schema: unknown): ParameterCounts {
  let [optional, unions] = [0, 0];
  for (const { properties, required } of objectsIn(schema)) {
    for (const [name, property] of Object.entries(properties)) {
      if (!required.includes(name)) optional += 1;
      if (isObject(property) && (Array.isArray(property['type']) || 'anyOf' in property)) unions += 1;
    }
  }
  return { optional, unions };
}

/** The schemas of objects in a schema, however deep: with a list of what is still to be seen, not by recursion. */
function* objectsIn(schema: unknown): Generator<{ properties: JsonObject; required: readonly unknown[] }> {
  const waiting = [schema];
  for (let value = waiting.pop(); value !== undefined; value = waiting.pop()) {
    if (typeof value !== 'object' || value === null) continue;
    waiting.push(...Object.values(value).filter((inner) => typeof inner === 'object' && inner !== null));
    if (!isObject(value) || !isObject(value['properties'])) continue;
    const { properties, required } = value;
    yield { properties, required: Array.isArray(required) ? required : [] };
  }
}

/** The names of definitions that lead back to the first of them, which stands at the end again. */
function findCircle(schema: unknown): string[] | undefined {
  if (!isObject(schema)) return undefined;
  const definitions = { ...asObject(schema['definitions']), ...asObject(schema['$defs']) };
  const references = new Map(Object.entries(definitions).map(([name, each]) => [name, referencesIn(each)]));
  for (const name of references.keys()) {
    const circle = circleFrom(name, references);
    if (circle !== undefined) return circle;
  }
  return undefined;
}

/** The shortest way from a definition to itself. */
function circleFrom(start: string, references: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const seen = new Set<string>();
  const ways = [[start]];
  for (const way of ways) {
    for (const next of references.get(way.at(-1) ?? '') ?? []) {
      if (next === start) return [...way, next];
      if (seen.has(next)) continue;
      seen.add(next);
      ways.push([...way, next]);
    }
  }
  return undefined;
}

function referencesIn(definition: unknown): string[] {
  const found = JSON.stringify(definition).matchAll(/"\$ref":"#\/(?:\$defs|definitions)\/([^"]+)"/g);
  return [...found].map(([, name = '']) => name);
}

function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}
