// Where the events of an answer come from: the API, over one or more attempts (`Answer`), or a readable stream that
// another process wrote (`PipedAnswer`). What is built on it does not know which.

import type { ContentBlock, DeepReadonly, Message, PartialJson, Usage } from '../protocol/index.ts';
import type { ClientEvent } from './answer.ts';
import type { StreamEnding } from './stream-ending.ts';
import type { TransportResponse } from './transport.ts';
import type { AttemptRecord } from './usage-record.ts';

/** Events to be taken one by one, as from an array. No iterator, which costs two objects an event. */
export interface EventQueue {
  /** The next event; undefined when there is none left. */
  shift(): ClientEvent | undefined;
}

export interface AnswerSource<Input = PartialJson> {
  /** What has arrived so far: a live, read-only view. */
  readonly message: DeepReadonly<Message> | undefined;
  /** How the answer ended; undefined while it goes on. */
  readonly ending: StreamEnding | undefined;
  readonly attempts: readonly AttemptRecord[];
  readonly usage: DeepReadonly<Usage> | undefined;
  readonly requestId: string | undefined;
  /** Of the latest attempt; undefined before its headers are there, and where there is none. */
  readonly response: TransportResponse | undefined;
  inputOf(block: DeepReadonly<ContentBlock>): Input | undefined;
  blockAt(index: number): DeepReadonly<ContentBlock> | undefined;
  /** Rejects with what the answer ended with. */
  open(): Promise<void>;
  /** The events of the next chunk, each accumulated when it is taken; all must be taken before the next chunk is
   * asked for. Never rejects. */
  readChunk(): Promise<EventQueue>;
  /** Ends the transfer; the answer ends `aborted` unless it had ended before. Never rejects. */
  cancel(reason: unknown): Promise<void>;
}
