// Conversations of owners: trees of turns, kept until somebody deletes them, whatever becomes of the streams that the
// answers came from. Every backend passes test/contract/conversation-store.ts.

import type { ContentBlock, Usage } from '../protocol/index.ts';

/** A message, and what is known of it. Plain JSON. */
export interface StoredTurn {
  /** Unique in its conversation; that of an answer is its stream's. */
  readonly id: string;
  /** The turn that this one follows; null for one that begins the conversation. */
  readonly parent: string | null;
  readonly role: 'user' | 'assistant';
  /** As the Messages API takes it; of an answer under way the empty list. */
  readonly content: string | readonly StoredBlock[];
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** The answer is under way: what it comes to is in the log of its stream. */
  readonly isOpen?: true | undefined;
  /** Of an answer that the relay produced and that has ended. */
  readonly answer?: StoredAnswer | undefined;
  /** The idempotency key that the answer was asked for with. */
  readonly key?: string | undefined;
}

export type StoredBlock = ContentBlock | { readonly type: string; readonly [field: string]: unknown };

export interface StoredAnswer {
  /** `lost`: the log was gone before its end had been looked at. */
  readonly ending: 'complete' | 'stopped' | 'failed' | 'lost';
  /** Of `failed`: one of the codes of docs/errors.md. */
  readonly code?: string | undefined;
  readonly stop_reason?: string | null | undefined;
  readonly model?: string | undefined;
  readonly usage?: Usage | undefined;
  /** Why neither the turn nor its question is sent again: the API would refuse the request with them. */
  readonly leftOut?: 'refusal' | 'rejected' | undefined;
}

export interface ConversationSummary {
  /** Chosen by the owner, or by the relay; another owner may have the same. */
  readonly id: string;
  readonly title: string;
  /** The last turn of the branch that is shown; null in a conversation without turns. */
  readonly head: string | null;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** When it last got a turn, a title or a head, in milliseconds since 1970. */
  readonly updatedAt: number;
}

export interface StoredConversation extends ConversationSummary {
  /** All branches, each turn behind its parent. */
  readonly turns: readonly StoredTurn[];
}

export interface NewTurns {
  /** Turns whose ids are there already are replaced, in their places. */
  readonly turns: readonly StoredTurn[];
  readonly head: string;
  /** For a conversation that is made by this. */
  readonly title: string;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** `full` is past the limit on a conversation's bytes, or on an owner's conversations; `no_parent`: a turn to be
 * followed is not there. */
export type PutResult = 'put' | 'full' | 'no_parent';

export interface ListLimits {
  readonly limit: number;
  /** Only those behind this one, which may be gone. */
  readonly after?: Pick<ConversationSummary, 'id' | 'updatedAt'> | undefined;
}

export interface ConversationChange {
  readonly title?: string | undefined;
  readonly head?: string | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Every method rejects with an error of the store when that fails. */
export interface ConversationStore {
  /** Adds turns, all or none; makes the conversation where there is none. */
  put(owner: string, id: string, turns: NewTurns): Promise<PutResult>;
  read(owner: string, id: string): Promise<StoredConversation | undefined>;
  /** The one changed last comes first. */
  list(owner: string, limits: ListLimits): Promise<readonly ConversationSummary[]>;
  /** `no_turn`: the head named is no turn of the conversation. */
  change(owner: string, id: string, change: ConversationChange): Promise<'changed' | 'gone' | 'no_turn'>;
  /** Removes it; resolves with the ids of its answers, undefined where there is none. */
  delete(owner: string, id: string): Promise<readonly string[] | undefined>;
  /** Gives an answer under way its content and ending, whoever owns it; false when there is none by this id. */
  settle(answerId: string, settled: SettledTurn): Promise<boolean>;
  /** Whether there is an answer under way by this id. */
  isOpen(answerId: string): Promise<boolean>;
  /** The ids of all answers under way. */
  open(): Promise<readonly string[]>;
}

export interface SettledTurn {
  readonly content: readonly StoredBlock[];
  readonly answer: StoredAnswer;
}

export interface ConversationLimits {
  /** Conversations of one owner. */
  readonly maxConversations: number;
  /** Of the content of one conversation, as JSON. */
  readonly maxConversationBytes: number;
}

export const defaultConversationLimits: ConversationLimits = {
  maxConversations: 10_000,
  maxConversationBytes: 32 * 1024 * 1024,
};

/** Whether each turn follows one that is there, or comes with it. */
export function haveParents(turns: readonly StoredTurn[], isThere: (id: string) => boolean): boolean {
  const added = new Set(turns.map(({ id }) => id));
  return turns.every(({ parent }) => parent === null || added.has(parent) || isThere(parent));
}

/** What a turn counts against the limit, in bytes. */
export function turnBytes({ content }: Pick<StoredTurn, 'content'>): number {
  return new TextEncoder().encode(JSON.stringify(content)).byteLength;
}
