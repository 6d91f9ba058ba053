// How every route begins a stream: start it, wait for upstream's word, then answer with the stream or a refusal.

import { askedRefusal } from '../access/asked.ts';
import type { MessagesBody } from '../access/asked.ts';
import { closingResponse, errorResponse } from '../http.ts';
import type { RelayResponse } from '../http.ts';
import { limitResponse } from '../limits.ts';
import type { RouteContext } from '../route-context.ts';
import type { StartOptions, StartResult } from '../streams.ts';

export interface StreamAnswer {
  /** The request, where it has been parsed. */
  readonly body?: MessagesBody;
  /** How long upstream's word is waited for, in milliseconds; then the client gets the stream, whatever it comes to.
   * Default: for as long as it takes. */
  readonly patienceMs?: number;
  /** The response for the stream, given upstream's headers where they were waited for. */
  readonly respond: (id: string, headers: Readonly<Record<string, string>>) => RelayResponse;
}

export async function openStream(
  context: RouteContext,
  start: StartOptions,
  { body, patienceMs, respond }: StreamAnswer,
): Promise<RelayResponse> {
  const { streams } = context;
  const refusal = askedRefusal(body ?? parse(start.call.request), context);
  if (refusal !== undefined) return refusal;
  const isReader = patienceMs !== 0;
  // Before there is a stream that nobody could read.
  if (isReader && streams.readers.isFull()) return limitResponse('readers');
  const started = await streams.start(start);
  if (started.type === 'exists') {
    const isFull = isReader && streams.readers.isFull(started.id);
    return isFull ? limitResponse('readers') : respond(started.id, {});
  }
  if (started.type !== 'started') return startRefusals[started.type]();
  const opening = await within(patienceMs, started.opening);
  if (opening === undefined) return respond(started.id, {});
  return opening.type === 'refused' ? opening.response : respond(started.id, opening.headers);
}

/** Throws nothing: every route has parsed it, or made it itself. */
function parse(request: string): MessagesBody {
  return JSON.parse(request) as MessagesBody;
}

/** Undefined when it takes longer. */
async function within<Value>(limitMs: number | undefined, work: Promise<Value>): Promise<Value | undefined> {
  if (limitMs === undefined) return work;
  if (limitMs === 0) return undefined;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(undefined), limitMs);
    const settle = (value: Value): void => {
      clearTimeout(timer);
      resolve(value);
    };
    work.then(settle, reject);
  });
}

const startRefusals = {
  full: () => errorResponse(529, 'overloaded_error', 'The relay holds as many streams as it may'),
  conflict: () =>
    errorResponse(409, 'conflict_error', 'Idempotency-Key: was used for another request; use a new key'),
  closing: closingResponse,
  busy: () => limitResponse('streams'),
} satisfies Record<Exclude<StartResult['type'], 'started' | 'exists'>, () => RelayResponse>;
