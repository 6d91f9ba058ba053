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

export function requireString(value: unknown, path: string): string {
  requireValue(value, path);
  if (typeof value !== 'string') throw invalidRequest(`${path}: Input should be a valid string`);
  return value;
}

export function requireList(value: unknown, path: string): readonly unknown[] {
  requireValue(value, path);
  if (!Array.isArray(value)) throw invalidRequest(`${path}: Input should be a valid list`);
  return value;
}

export function requireInteger(value: unknown, path: string, least: number): number {
  requireValue(value, path);
  if (typeof value !== 'number' || !Number.isInteger(value)) {
    throw invalidRequest(`${path}: Input should be a valid integer`);
  }
  if (value < least) throw invalidRequest(`${path}: Input should be greater than or equal to ${least}`);
  return value;
}
