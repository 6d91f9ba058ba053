// A number that a JSON schema allows, near the one a person would expect.

import type { JsonObject } from '../json-object.ts';

/** Steps such as 0.1 do not add up exactly. */
const digits = 12;
const rounding = 1e-9;

/** A number within all bounds of the schema; the nearest there is where they contradict each other. */
export function exampleNumber(schema: JsonObject, kind: 'integer' | 'number'): number {
  const range = toRange(schema, kind);
  const { low, high, step } = range;
  const near = Math.min(Math.max(kind === 'integer' ? 3 : 2.5, low), high);
  const candidates = [near, ...(step > 0 ? stepsAround(near, step) : [near + 1, near - 1, (low + high) / 2])];
  return candidates.find((value) => fits(value, range)) ?? near;
}

interface Range {
  readonly low: number;
  readonly high: number;
  /** Whether the bounds themselves are left out. */
  readonly isLowOpen: boolean;
  readonly isHighOpen: boolean;
  /** What the number is a multiple of; 0 for anything. */
  readonly step: number;
}

/** In the older drafts of JSON Schema `exclusiveMinimum` is a boolean beside `minimum`. */
function toRange(schema: JsonObject, kind: 'integer' | 'number'): Range {
  const low = numberOr(schema['minimum'], -Infinity);
  const openLow = numberOr(schema['exclusiveMinimum'], -Infinity);
  const high = numberOr(schema['maximum'], Infinity);
  const openHigh = numberOr(schema['exclusiveMaximum'], Infinity);
  const multiple = numberOr(schema['multipleOf'], 0);
  return {
    low: Math.max(low, openLow),
    high: Math.min(high, openHigh),
    isLowOpen: openLow >= low || schema['exclusiveMinimum'] === true,
    isHighOpen: openHigh <= high || schema['exclusiveMaximum'] === true,
    step: kind === 'integer' ? wholeStep(multiple) : multiple,
  };
}

/** The least multiple that is whole: of 2.5 it is 5. */
function wholeStep(multiple: number): number {
  for (let times = 1; times <= 100; times += 1) {
    const step = rounded(multiple * times);
    if (step > 0 && Number.isInteger(step)) return step;
  }
  return 1;
}

function stepsAround(value: number, step: number): number[] {
  const count = value / step;
  return [Math.ceil(count), Math.floor(count), Math.ceil(count) + 1, Math.floor(count) - 1].map((each) =>
    rounded(each * step),
  );
}

function fits(value: number, { low, high, isLowOpen, isHighOpen, step }: Range): boolean {
  if (isLowOpen ? value <= low : value < low) return false;
  if (isHighOpen ? value >= high : value > high) return false;
  return step === 0 || Math.abs(value / step - Math.round(value / step)) < rounding;
}

function rounded(value: number): number {
  return Number(value.toPrecision(digits)) + 0;
}

function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}
