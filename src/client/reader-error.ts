// The error of who reads an answer in a way that it cannot be had; the answer itself may be fine.

import type { DeepReadonly, Message } from '../protocol/index.ts';

/** `events_dropped`: a reader came, or fell behind, to where events are no longer kept. `not_emitted`: the answer is
 * whole, and what was waited for was not in it. `taken_back`: the answer was begun anew where a reader had already
 * seen it, and its format cannot take anything back. */
export class ReaderError extends Error {
  override readonly name = 'ReaderError';
  readonly code: 'events_dropped' | 'not_emitted' | 'taken_back';
  requestId: string | undefined;
  /** What had arrived before, where an answer ended with this. */
  partial: DeepReadonly<Message> | undefined;

  constructor(code: ReaderError['code'], message: string) {
    super(message);
    this.code = code;
  }
}
