// A JSON schema as one object of keywords: references followed, `allOf` put together, one of several variants chosen.

import type { JsonObject } from '../json-object.ts';
import { isObject } from '../validate-value.ts';

/** A schema without references and variants at its top. */
export interface ReadSchema {
  readonly schema: JsonObject;
  /** The references that led to it, and those before it. */
  readonly open: ReadonlySet<string>;
}

/** How many schemas one is put together from at most: they can refer to each other in circles. */
const mostSteps = 100;

export class SchemaReader {
  readonly #root: JsonObject;

  constructor(root: JsonObject) {
    this.#root = root;
  }

  /** `open` has the references that led here. Anything that is no object allows everything. */
  read(given: unknown, open: ReadonlySet<string>): ReadSchema {
    const opened = new Set(open);
    let schema: JsonObject = {};
    const waiting = [given];
    for (let step = 0; step < mostSteps && waiting.length > 0; step += 1) {
      const next = waiting.shift();
      if (!isObject(next)) continue;
      const { $ref: reference, allOf, anyOf, oneOf, ...keywords } = next;
      schema = joined(schema, keywords);
      if (Array.isArray(allOf)) waiting.push(...(allOf as unknown[]));
      const variants = anyOf ?? oneOf;
      if (Array.isArray(variants)) waiting.push(this.#chosen(variants, opened));
      if (typeof reference !== 'string') continue;
      waiting.push(this.#find(reference));
      opened.add(reference);
    }
    return { schema, open: opened };
  }

  /** Whether every value that the schema allows leads to where a reference of `open` was followed. */
  isCircular(schema: unknown, open: ReadonlySet<string>): boolean {
    if (!isObject(schema)) return false;
    const { $ref: reference, allOf, anyOf, oneOf, items } = schema;
    if (typeof reference === 'string' && open.has(reference)) return true;
    const isOne = (each: unknown): boolean => isObject(each) && open.has(String(each['$ref']));
    if (Array.isArray(allOf) && allOf.some(isOne)) return true;
    const variants = anyOf ?? oneOf;
    if (Array.isArray(variants) && variants.length > 0) return variants.every(isOne);
    return isOne(items) && typeof schema['minItems'] === 'number' && schema['minItems'] > 0;
  }

  /** The first that leads no way back, and that is not null if there is another. */
  #chosen(variants: readonly unknown[], open: ReadonlySet<string>): unknown {
    const straight = variants.filter((variant) => !this.isCircular(variant, open));
    const among = straight.length > 0 ? straight : variants;
    return among.find((variant) => isObject(variant) && variant['type'] !== 'null') ?? among[0];
  }

  /** What a reference within the schema names; undefined for any other. */
  #find(reference: string): unknown {
    if (!reference.startsWith('#')) return undefined;
    const keys = reference.slice(1).split('/').slice(1).map(toKey);
    return keys.reduce<unknown>(
      (at, key) =>
        typeof at === 'object' && at !== null && Object.hasOwn(at, key) ? at[key as never] : undefined,
      this.#root,
    );
  }
}

/** A step of a JSON pointer in a URL (RFC 6901, section 6). */
function toKey(step: string): string {
  return decoded(step).replaceAll('~1', '/').replaceAll('~0', '~');
}

function decoded(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    // A percent sign that stands for itself.
    return step;
  }
}

/** What two schemas of one value say together; where both have a word that cannot be put together, the second's. */
function joined(first: JsonObject, second: JsonObject): JsonObject {
  const both = Object.entries(second).map(([name, value]): [string, unknown] => [
    name,
    Object.hasOwn(first, name) ? joinedKeyword(name, first[name], value) : value,
  ]);
  return { ...first, ...Object.fromEntries(both) };
}

function joinedKeyword(name: string, first: unknown, second: unknown): unknown {
  if (name === 'properties' && isObject(first) && isObject(second)) {
    const shared = Object.keys(first).filter((key) => Object.hasOwn(second, key));
    const together = shared.map((key) => [key, { allOf: [first[key], second[key]] }]);
    return { ...first, ...second, ...Object.fromEntries(together) };
  }
  if (name === 'required' && Array.isArray(first) && Array.isArray(second)) return [...first, ...second];
  const stricter = Object.hasOwn(stricterOf, name) ? stricterOf[name] : undefined;
  const areBounds = typeof first === 'number' && typeof second === 'number';
  return stricter !== undefined && areBounds ? stricter(first, second) : second;
}

const stricterOf: Readonly<Record<string, (...bounds: number[]) => number>> = {
  minimum: Math.max,
  exclusiveMinimum: Math.max,
  minLength: Math.max,
  minItems: Math.max,
  minProperties: Math.max,
  maximum: Math.min,
  exclusiveMaximum: Math.min,
  maxLength: Math.min,
  maxItems: Math.min,
};
