// An answer that comes in one piece, in its owner's turn. What it takes is known when it is there; until then all that
// it may come to is held.

import type { Usage } from '../../protocol/index.ts';
import type { RelayResponse } from '../http.ts';
import { parseObject } from '../json-object.ts';
import { linkSignals } from '../linked-signal.ts';
import { amountOf, nothing } from './amount.ts';
import type { Amount } from './amount.ts';
import type { Prospect, Turn } from './turn.ts';

export interface ReplyOptions {
  readonly signal: AbortSignal;
  readonly waitMs: number;
  readonly call: (signal: AbortSignal) => Promise<RelayResponse & { readonly body: Uint8Array }>;
}

/** Rejects with OwnerLimitError when its turn does not come, or its owner is none any more, and with what the call
 * rejects with. */
export async function countedReply(
  turn: Turn,
  { signal, waitMs, call }: ReplyOptions,
): Promise<RelayResponse> {
  const removal = new AbortController();
  using ending = linkSignals([signal, removal.signal]);
  let isAsked = false;
  turn.onOver = ({ why, error }) => {
    // All that it may come to is held: the day has room for the rest of it.
    if (why === 'removed') removal.abort(error);
  };
  try {
    await turn.start(ending.signal, waitMs);
    await turn.beginRequest(turn.prospect.bound);
    ending.signal.throwIfAborted();
    isAsked = true;
    const response = await call(ending.signal);
    turn.count(
      response.status === 200 ? amountIn(new TextDecoder().decode(response.body), turn.prospect) : nothing,
    );
    return response;
  } catch (error) {
    // Upstream may be at work on what nobody waits for any more.
    if (isAsked && ending.signal.aborted) turn.count(turn.prospect.bound);
    throw removal.signal.aborted ? removal.signal.reason : error;
  } finally {
    turn.release();
  }
}

/** Of a whole answer; all that it may come to where it does not say. */
export function amountIn(body: string, { bound, price }: Prospect): Amount {
  const usage = parseObject(body)?.['usage'] as Usage | null | undefined;
  if (usage == null) return bound;
  const { output_tokens: output } = usage as { output_tokens?: unknown };
  return amountOf({ usage, outputTokens: typeof output === 'number' ? output : 0 }, price);
}
