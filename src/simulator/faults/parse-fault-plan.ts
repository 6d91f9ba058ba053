// A fault plan as somebody wrote it to one that can be applied. Everything left out is filled in, but what is drawn
// anew for each request.

import { statusOfErrorType } from '../../protocol/index.ts';
import { invalidRequest } from '../api-errors.ts';
import type { JsonObject } from '../json-object.ts';
import { seamKinds } from '../seam.ts';
import { isObject, requireList, requireObject, requireString } from '../validate-value.ts';
import type { AppliedFault, FaultFields, FaultKind, ParsedPlan } from './fault.ts';
import { flag, integer, line, oneOf, retryAfter, share, text } from './field.ts';
import type { Field } from './field.ts';
import { statusErrors } from './status-errors.ts';

const count = { least: 0, most: Number.MAX_SAFE_INTEGER };
const atLeastOne = { least: 1, most: Number.MAX_SAFE_INTEGER };
/** What an event or a write can be told to have; it is held in memory. */
const size = { least: 1, most: 2 ** 28 };
const breakBy = oneOf(['fin', 'rst'], { fallback: 'fin' });
const nothing = {};
/** Behind message_start, the first block's start and the ping: before the first delta. */
const beforeFirstDelta = integer(count, { fallback: 3 });
const place = { atByte: integer(count), atEvent: integer(count) };

/** The fields of each kind. The first is the one that the short form takes without its name. */
const fields = {
  status: {
    status: oneOf(Object.keys(statusErrors).map(Number), { isRequired: true }),
    retryAfter: retryAfter(),
    shouldRetry: flag(),
    message: text(),
  },
  drop: { by: breakBy },
  body: { body: oneOf(['json', 'html', 'nothing'], { fallback: 'nothing' }) },
  content_type: { value: line({ fallback: 'text/plain' }) },
  slow_headers: { ms: integer(count, { isRequired: true }) },
  rate_limit: {
    requests: integer(atLeastOne),
    inputTokens: integer(atLeastOne),
    outputTokens: integer(atLeastOne),
  },
  seam: { as: oneOf(seamKinds, { fallback: 'repeat' }), words: integer({ least: 1, most: 100 }) },
  refuse: { by: oneOf(['port', 'accept'], { fallback: 'port' }) },
  error_event: {
    type: oneOf(Object.keys(statusOfErrorType), { fallback: 'overloaded_error' }),
    message: text(),
    atEvent: integer(count, { fallback: 0 }),
  },
  invalid_json: { atEvent: beforeFirstDelta },
  duplicate_block: { index: integer(count, { fallback: 0 }) },
  out_of_order: { index: integer(count, { fallback: 0 }) },
  unknown_event: { atEvent: beforeFirstDelta },
  unknown_block: nothing,
  unknown_delta: nothing,
  huge_event: { bytes: integer(size, { fallback: 2 ** 20 }) },
  data_only: nothing,
  crlf: nothing,
  done: nothing,
  stall: {
    ...place,
    ms: integer(count),
    pings: flag(true),
    pingMs: integer(atLeastOne, { fallback: 30_000 }),
  },
  never_close: nothing,
  cut: { ...place, by: breakBy, lingerMs: integer(count, { fallback: 200 }) },
  split: { bytes: integer(size, { fallback: 1 }) },
  merge: { events: integer({ least: 2, most: 10_000 }, { fallback: 8 }) },
} satisfies { [Kind in FaultKind]: { [Name in keyof FaultFields[Kind]]-?: Field } };

const occurrence = {
  times: integer(atLeastOne),
  skip: integer(count, { fallback: 0 }),
  probability: share(1),
};

/** More would not fit the header that says what was applied. */
const mostFaults = 20;

/**
 * One fault, a list of them, or a whole plan. Throws an ApiError that names the field, from `path` on.
 */
export function parseFaultPlan(value: unknown, path: string): ParsedPlan {
  if (isObject(value) && 'faults' in value) return parsePlan(value, path);
  const faults = Array.isArray(value) ? parseFaults(value, path) : [parseFault(value, path)];
  return { seed: undefined, key: '', faults };
}

function parsePlan(plan: JsonObject, path: string): ParsedPlan {
  for (const name of Object.keys(plan)) {
    if (!['faults', 'seed', 'key'].includes(name)) throw extra(`${path}.${name}`);
  }
  const { seed, key } = plan;
  if (seed !== undefined && typeof seed !== 'number') {
    throw invalidRequest(`${path}.seed: Input should be a valid number`);
  }
  return {
    seed,
    key: key === undefined ? '' : requireString(key, `${path}.key`),
    faults: parseFaults(plan['faults'], `${path}.faults`),
  };
}

function parseFaults(value: unknown, path: string): AppliedFault[] {
  const list = requireList(value, path);
  if (list.length > mostFaults) throw invalidRequest(`${path}: at most ${mostFaults} faults are possible`);
  return list.map((fault, index) => parseFault(fault, `${path}.${index}`));
}

function parseFault(value: unknown, path: string): AppliedFault {
  const given = requireObject(value, path);
  const kind = requireKind(given['kind'], `${path}.kind`);
  const known: Readonly<Record<string, Field>> = { ...fields[kind], ...occurrence };
  for (const name of Object.keys(given)) {
    if (name !== 'kind' && !Object.hasOwn(known, name)) throw extra(`${path}.${name}`);
  }
  if (given['atByte'] !== undefined && given['atEvent'] !== undefined) {
    throw invalidRequest(`${path}.atEvent: atByte and atEvent cannot both be given`);
  }
  const parsed = Object.entries(known)
    .map(([name, field]) => [name, field.parse(given[name], `${path}.${name}`)] as const)
    .filter(([, parsedValue]) => parsedValue !== undefined);
  // The table has every field of the kind.
  return { kind, ...Object.fromEntries(parsed) } as AppliedFault;
}

function requireKind(value: unknown, path: string): FaultKind {
  const kind = requireString(value, path);
  if (Object.hasOwn(fields, kind)) return kind as FaultKind;
  const kinds = Object.keys(fields).map((each) => `'${each}'`);
  throw invalidRequest(`${path}: Input should be ${kinds.join(', ')}`);
}

function extra(path: string): Error {
  return invalidRequest(`${path}: Extra inputs are not permitted`);
}

/** The name of the field that the short form takes without it. Undefined for what is no kind. */
export function firstFieldOf(kind: string): string | undefined {
  return Object.hasOwn(fields, kind) ? Object.keys(fields[kind as FaultKind])[0] : undefined;
}
