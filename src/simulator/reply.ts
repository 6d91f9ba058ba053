// An answer before it is sent: what a fault can change.

import type { OutgoingHttpHeaders } from 'node:http';

import type { Step, EventsStep } from './step.ts';

/** `OfStep` is the form its steps have. */
export interface Reply<OfStep extends Step | EventsStep = Step> {
  /** The time until its head leaves. */
  readonly delayMs: number;
  /** Undefined for an answer that has no head either. */
  readonly status: number | undefined;
  readonly headers: OutgoingHttpHeaders;
  /** Whether the network in front of the API gives it: without the API's own headers. */
  readonly isFromEdge: boolean;
  /** Whether its steps are the events of a stream. */
  readonly isStream: boolean;
  /** Whether it is compressed for a reader who takes that; default true. */
  readonly isCompressible?: boolean;
  /** The steps of the body; taken only once it is sent. */
  readonly steps: Iterable<OfStep>;
}
