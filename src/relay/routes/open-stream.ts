// How every route begins a stream: start it, wait for upstream's word, then answer with the stream or a refusal.

import { closingResponse, errorResponse } from '../http.ts';
import type { RelayResponse } from '../http.ts';
import type { RouteContext } from '../route-context.ts';
import type { StartOptions, StartResult } from '../streams.ts';

export interface StreamAnswer {
  /** Do not wait for upstream: the client looks for itself how it went. */
  readonly isDetached?: boolean;
  /** The response for the stream, given upstream's headers where they were waited for. */
  readonly respond: (id: string, headers: Readonly<Record<string, string>>) => RelayResponse;
}

export async function openStream(
  { streams }: RouteContext,
  start: StartOptions,
  { isDetached = false, respond }: StreamAnswer,
): Promise<RelayResponse> {
  const started = await streams.start(start);
  if (started.type === 'exists') return respond(started.id, {});
  if (started.type !== 'started') return startRefusals[started.type]();
  if (isDetached) return respond(started.id, {});
  const opening = await started.opening;
  return opening.type === 'refused' ? opening.response : respond(started.id, opening.headers);
}

const startRefusals = {
  full: () => errorResponse(529, 'overloaded_error', 'The relay holds as many streams as it may'),
  conflict: () =>
    errorResponse(409, 'conflict_error', 'Idempotency-Key: was used for another request; use a new key'),
  closing: closingResponse,
} satisfies Record<Exclude<StartResult['type'], 'started' | 'exists'>, () => RelayResponse>;
