// What can be made to go wrong, as it is written in a plan and as it is applied to a request.

import type { ApiErrorType } from '../../protocol/index.ts';
import type { SeamKind } from '../seam.ts';

/** How a connection is broken off. */
type BreakBy = 'fin' | 'rst';

/** Behind so many bytes or events of the answer. Without either it is a byte drawn from the plan's seed. */
export interface Place {
  atByte?: number;
  atEvent?: number;
}

/** Each kind, with what can be said about it. docs/simulator.md has the table for users. */
export interface FaultFields {
  /** An error instead of the answer. */
  status: { status: number; retryAfter?: number | string; shouldRetry?: boolean; message?: string };
  /** No answer at all: the connection breaks off after the request. */
  drop: { by: BreakBy };
  /** A 200 that is no answer. */
  body: { body: 'json' | 'html' | 'nothing' };
  content_type: { value: string };
  /** The head of the answer comes later. */
  slow_headers: { ms: number };
  /** So much a minute for each key, and 429 beyond it. What is left out has no limit. */
  rate_limit: { requests?: number; inputTokens?: number; outputTokens?: number };
  /** What an answer begins with that a user turn asks to go on; so many words are said again. */
  seam: { as: SeamKind; words?: number };
  /** Nobody listens, or whoever connects is thrown out. */
  refuse: { by: 'port' | 'accept' };
  /** The stream's own error, after which it ends. */
  error_event: { type: ApiErrorType; message?: string; atEvent: number };
  /** The data of one event is not JSON. */
  invalid_json: { atEvent: number };
  /** The start of a block comes twice. */
  duplicate_block: { index: number };
  /** A block and the one after it have each other's index. */
  out_of_order: { index: number };
  unknown_event: { atEvent: number };
  /** A block of an unknown type, with a delta of an unknown type, behind all others. */
  unknown_block: object;
  /** A delta of an unknown type at the beginning of the first block. */
  unknown_delta: object;
  /** A text delta whose frame has so many bytes, at the beginning of the first text block. */
  huge_event: { bytes: number };
  /** Frames without their `event:` line. */
  data_only: object;
  /** Lines end with CRLF. */
  crlf: object;
  /** `data: [DONE]` at the end. */
  done: object;
  /** Silence in the middle; for ever without `ms`. */
  stall: Place & { ms?: number; pings: boolean; pingMs: number };
  /** The connection stays open behind the last byte. */
  never_close: object;
  /** The connection breaks off in the middle. */
  cut: Place & { by: BreakBy; lingerMs: number };
  /** So many bytes in each write. */
  split: { bytes: number };
  /** So many events in each write. */
  merge: { events: number };
}

export type FaultKind = keyof FaultFields;

/** For which of the requests that a plan is for a fault counts. */
interface Occurrence {
  /** For so many requests; without it for all. */
  times?: number;
  /** Not for the first so many. */
  skip: number;
  /** For about this share of them, drawn from the plan's seed. */
  probability: number;
}

/** A fault as it is written: all but `kind` (and the status of a `status`) may be left out. */
export type Fault = {
  [Kind in FaultKind]: { kind: Kind } & Partial<FaultFields[Kind]> & Partial<Occurrence>;
}[FaultKind];

/** A fault of one kind with everything settled. */
export type FaultOf<Kind extends FaultKind> = { readonly kind: Kind } & Readonly<FaultFields[Kind]> &
  Readonly<Occurrence>;

/** A fault as it was applied: what the plan left open is filled in. */
export type AppliedFault = { [Kind in FaultKind]: FaultOf<Kind> }[FaultKind];

export interface FaultPlan {
  /** What is drawn follows from this; default the simulator's own. */
  seed?: number;
  /** Sets the count of requests apart from that of an equal plan. */
  key?: string;
  faults: readonly Fault[];
}

/** A plan as a program can give it; a text is faults in their short form, or JSON. */
export type FaultInput = string | Fault | readonly (string | Fault)[] | FaultPlan;

/** A plan that was found valid. */
export interface ParsedPlan {
  readonly seed: number | undefined;
  readonly key: string;
  readonly faults: readonly AppliedFault[];
}
