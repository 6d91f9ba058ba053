// What `GET /streams/:id` tells of a stream in JSON. One pass over the log, which the message takes anyway.

import { formatEntryId } from '../storage/index.ts';
import type { StreamLog, StreamState } from '../storage/index.ts';
import { readAnswer } from './logged-answer.ts';

/** Rejects with what the store does. */
export async function describeStream(state: StreamState, log: StreamLog): Promise<object> {
  const { id, createdAt, tail, ending } = state;
  const { accumulator, calls, failures, end } = await readAnswer(log, state);
  const { message } = accumulator;
  return {
    id,
    state: ending === undefined ? 'open' : 'ended',
    ending: ending ?? null,
    lastId: formatEntryId(tail),
    createdAt,
    message: message ?? null,
    usage: end?.usage ?? message?.usage ?? null,
    usage_estimated: end?.isUsageEstimated === true,
    attempts: calls.map(({ number, kind, model, isStreamed, usage, isUsageExact }, index) => ({
      number,
      kind,
      model,
      streamed: isStreamed,
      error: failures[index] ?? null,
      usage: usage ?? null,
      usage_estimated: usage !== undefined && !isUsageExact,
    })),
  };
}
