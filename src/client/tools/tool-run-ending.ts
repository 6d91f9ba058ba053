// How a run of tools ends, and what its last answer means for it.

import type { DeepReadonly, Message } from '../../protocol/index.ts';
import type { StreamEnding } from '../stream-ending.ts';
import { AnswerError, errorOfStopReason } from '../answer-error.ts';

/**
 * `complete`: the model has said its last word. `unfinished`: every stream was whole, and the answer is not there:
 * the error's code says why. The others are those of the stream that the run ended with.
 */
export type ToolRunEnding =
  | { readonly type: 'complete'; readonly message: DeepReadonly<Message> }
  | { readonly type: 'unfinished'; readonly error: AnswerError; readonly message: DeepReadonly<Message> }
  | Exclude<StreamEnding, { type: 'complete' | 'failed' }>
  | { readonly type: 'failed'; readonly error: Error; readonly message: DeepReadonly<Message> | undefined };

/** How far the loop may go. */
export interface LoopLimits {
  readonly turn: number;
  readonly maxTurns: number;
  /** How many pauses there were in a row, this one included. */
  readonly pauses: number;
  readonly maxPauses: number;
}

/** How the run ends with this answer before anything it calls is run; undefined when it goes on. */
export function endingOf(
  message: DeepReadonly<Message>,
  hasCalls: boolean,
  { turn, maxTurns, pauses, maxPauses }: LoopLimits,
): ToolRunEnding | undefined {
  const error = errorOfStopReason(message);
  if (error !== undefined) return { type: 'unfinished', error, message };
  if (hasCalls) return undefined;
  if (message.stop_reason !== 'pause_turn') return { type: 'complete', message };
  if (pauses > maxPauses) return unfinished('max_pauses', message);
  return turn >= maxTurns ? unfinished('max_turns', message) : undefined;
}

export function unfinished(code: 'max_turns' | 'max_pauses', message: DeepReadonly<Message>): ToolRunEnding {
  return { type: 'unfinished', error: new AnswerError(code, message), message };
}
