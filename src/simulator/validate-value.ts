// Checks of single values, with the texts the API has for them. Each throws an ApiError that begins with the path.

import type { JsonObject } from './json-object.ts';
import { invalidRequest } from './api-errors.ts';

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function requireValue(value: unknown, path: string): void {
  if (value === undefined) throw invalidRequest(`${path}: Field required`);
}

export function requireObject(value: unknown, path: string): JsonObject {
  requireValue(value, path);
  if (!isObject(value)) throw invalidRequest(`${path}: Input does not match the expected shape.`);
  return value;
}

/** A value whose `type` says what else it holds: the API has another text for these. */
export function requireTagged(value: unknown, path: string): JsonObject {
  requireValue(value, path);
  if (!isObject(value)) throw invalidRequest(`${path}: Input should be an object`);
  return value;
}

export function requireDictionary(value: unknown, path: string): void {
  if (!isObject(value)) throw invalidRequest(`${path}: Input should be a valid dictionary`);
}

export function requireString(value: unknown, path: string): string {
  requireValue(value, path);
  if (typeof value !== 'string') throw invalidRequest(`${path}: Input should be a valid string`);
  return value;
}

export function requireList(value: unknown, path: string): readonly unknown[] {
  requireValue(value, path);
  if (!Array.isArray(value)) throw invalidRequest(`${path}: Input should be a valid array`);
  return value;
}

export function requireText(value: unknown, path: string): string {
  const text = requireString(value, path);
  if (text === '') throw invalidRequest(`${path}: String should have at least 1 character`);
  return text;
}

export function requireNumber(value: unknown, path: string): number {
  if (typeof value !== 'number') throw invalidRequest(`${path}: Input should be a valid number`);
  return value;
}

export function requireOneOf(value: unknown, path: string, choices: readonly string[]): void {
  if (choices.some((choice) => choice === value)) return;
  const [last = '', ...others] = choices.map((choice) => `'${choice}'`).toReversed();
  const list = others.length === 0 ? last : `${others.toReversed().join(', ')} or ${last}`;
  throw invalidRequest(`${path}: Input should be ${list}`);
}

/** Throws for the first key that is none of `known`. */
export function refuseOthers(value: JsonObject, path: string, known: ReadonlySet<string>): void {
  const other = Object.keys(value).find((key) => !known.has(key));
  if (other !== undefined) throw invalidRequest(`${path}${other}: Extra inputs are not permitted`);
}

export function requireInteger(value: unknown, path: string, least: number): number {
  requireValue(value, path);
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    throw invalidRequest(`${path}: Input should be a valid integer`);
  }
  if (value < least) throw invalidRequest(`${path}: Input should be greater than or equal to ${least}`);
  return value;
}
