// One turn of a conversation: a message, and what is known of it that the API does not take back.

import type { DeepReadonly, Message, Usage } from '../../protocol/index.ts';
import type { StreamEnding } from '../stream-ending.ts';
import type { ContentParam, MessageParam } from '../message-params.ts';

/** How an answer came to its end. */
type AnswerEnding = StreamEnding['type'] | 'unfinished';

/** What is known of an answer. */
export interface AnswerRecord {
  readonly ending: AnswerEnding;
  /** The code of the error that ended it; undefined for none. */
  readonly code?: string | undefined;
  readonly stop_reason?: Message['stop_reason'] | undefined;
  readonly model?: string | undefined;
  readonly request_id?: string | undefined;
  /** What the answer took, with all its attempts and turns. */
  readonly usage?: DeepReadonly<Usage> | undefined;
}

export interface ConversationTurn {
  readonly role: MessageParam['role'];
  readonly content: string | readonly ContentParam[];
  /** At the last turn of each answer. Anything but `complete` says that what stands here was cut. */
  readonly answer?: AnswerRecord | undefined;
  /** Why the turn is not sent again: the API would refuse the request with it. It stays for whoever reads. */
  readonly leftOut?: 'refusal' | 'rejected' | undefined;
}

/** What is sent of the turns. */
export function toMessages(turns: readonly ConversationTurn[]): MessageParam[] {
  return turns.flatMap(({ role, content, leftOut }) => (leftOut === undefined ? [{ role, content }] : []));
}

/** Whether a person, and not a tool, has spoken. */
export function isAsked({ role, content }: ConversationTurn): boolean {
  return (
    role === 'user' && (typeof content === 'string' || content.some(({ type }) => type !== 'tool_result'))
  );
}
