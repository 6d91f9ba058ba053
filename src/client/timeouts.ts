// How long the client waits, and for what. Two silences are told apart: no byte at all, which means a dead
// connection because the API sends a ping every 30 s, and nothing but pings, which may be long thinking.

import { demandPositive, overlay } from './demand.ts';

/** Limits in milliseconds; Infinity for none. Waiting counts only while somebody waits: a slow reader is not a
 * slow server. */
export interface Timeouts {
  /** Until there is a connection. Heeded by the Node transport; `fetch` has a limit of its own. Default 10,000. */
  connectMs: number;
  /** Until the response's headers, for a stream. Default 120,000: long prompts take their time. */
  headersMs: number;
  /** Until the headers of an answer that is not streamed: they come when it is written. Default 600,000. */
  replyMs: number;
  /** Without any byte, pings included. Default 90,000: three pings that did not come. */
  idleMs: number;
  /** With pings alone. Default 600,000. */
  progressMs: number;
  /** For the whole call, with all its attempts and the waiting between them. Default none. */
  totalMs: number;
}

const defaults: Timeouts = {
  connectMs: 10_000,
  headersMs: 120_000,
  replyMs: 600_000,
  idleMs: 90_000,
  progressMs: 600_000,
  totalMs: Infinity,
};

const rules = {
  connectMs: demandPositive,
  headersMs: demandPositive,
  replyMs: demandPositive,
  idleMs: demandPositive,
  progressMs: demandPositive,
  totalMs: demandPositive,
};

/** Throws a RangeError for a limit that is no positive number. */
export function resolveTimeouts(own?: Partial<Timeouts>, base: Timeouts = defaults): Timeouts {
  return overlay(base, own, { group: 'timeouts', rules });
}
