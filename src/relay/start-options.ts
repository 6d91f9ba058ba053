// What it takes to start a stream, and what comes of that.

import type { CreateResult, TakeoverTerms, TurnRecord } from '../storage/index.ts';
import type { MessagesBody } from './access/asked.ts';
import type { RelayResponse } from './http.ts';
import type { Opening } from './producer.ts';
import type { StreamCall } from './stream-call.ts';

export interface StartOptions {
  readonly owner: string;
  /** The owner is the id of one of the relay's keys: the answer ends with it. */
  readonly hasKey?: true | undefined;
  readonly idempotencyKey?: string | undefined;
  /** What the answer is part of, and the page's name for the message it goes on with. */
  readonly conversation?: string | undefined;
  readonly messageId?: string | undefined;
  readonly turn?: TurnRecord | undefined;
  readonly call: StreamCall;
  /** Told of the stream before upstream is called; when it rejects, upstream is not, and so does the start. */
  readonly onCreated?: ((id: string) => Promise<void>) | undefined;
  /** The request, parsed. */
  readonly body: MessagesBody;
  /** How long it may wait for its turn among those of its owner, in milliseconds; default for as long as it takes. */
  readonly waitMs?: number | undefined;
  /** Left out when no other process may go on with the answer. */
  readonly takeover?: TakeoverTerms | undefined;
  /** How long the stream goes on without any reader, in milliseconds; it is stopped then. Default: to its end. With 0
   * it is stopped when the last reader leaves, and may wait for its first. */
  readonly orphanMs?: number | undefined;
  /** The stream is stopped when this aborts; with an `orphanMs`, only if nobody reads it. */
  readonly leaving?: AbortSignal | undefined;
}

export type StartResult =
  | {
      readonly type: 'started';
      readonly id: string;
      readonly opening: Promise<Opening>;
      /** Its owner has as much under way as they may. */
      readonly isWaiting: boolean;
    }
  /** Its owner may not have it begin, nor wait. */
  | { readonly type: 'limited'; readonly response: RelayResponse }
  /** The relay takes no more. */
  | { readonly type: 'closing' }
  /** It works on as many as it may. */
  | { readonly type: 'busy' }
  | Exclude<CreateResult, { type: 'created' }>;
