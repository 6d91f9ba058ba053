// How an answer ended, with everything that is known of it by then.

import type { DeepReadonly, Message, Usage } from '../protocol/index.ts';
import { TimeoutError, TruncatedError } from './errors.ts';
import type { AttemptError } from './errors.ts';
import type { ReaderError } from './reader-error.ts';

/** What there is of an answer, whole or not. */
export interface SoFar {
  /** What had arrived. */
  readonly message: DeepReadonly<Message> | undefined;
  /** What all attempts took together; undefined when the server did not get to say. */
  readonly usage: DeepReadonly<Usage> | undefined;
  /** The server's name for the request, of the latest attempt. */
  readonly request_id: string | undefined;
}

interface Ended<Type, Error> extends SoFar {
  readonly type: Type;
  readonly error: Error;
}

/** How an answer ended. All but `complete` carry the error that says why, and the error carries what had arrived. */
export type StreamEnding =
  | (SoFar & { readonly type: 'complete'; readonly message: DeepReadonly<Message> })
  | Ended<'truncated', TruncatedError>
  | Ended<'stalled', TimeoutError>
  | Ended<'aborted', unknown>
  | Ended<'failed', Exclude<AttemptError, TruncatedError | TimeoutError> | ReaderError>;

/** Whether somebody has ended it: a limit of time for the whole call aborts it as well, and is nobody. */
export function isAborted({ aborted, reason }: AbortSignal): boolean {
  return aborted && !(reason instanceof TimeoutError);
}

/** The ending that an error makes. */
export function endingOf(error: AttemptError | ReaderError, soFar: SoFar): StreamEnding {
  return { type: endingTypeOf(error), error, ...soFar } as StreamEnding;
}

/** The kind of ending that an error makes, but for an abort. */
export function endingTypeOf(error: unknown): 'truncated' | 'stalled' | 'failed' {
  if (error instanceof TruncatedError) return 'truncated';
  return error instanceof TimeoutError ? 'stalled' : 'failed';
}

export function throwUnlessComplete(ending: StreamEnding | undefined): void {
  if (ending !== undefined && ending.type !== 'complete') throw ending.error;
}
