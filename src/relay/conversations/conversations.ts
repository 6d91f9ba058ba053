// The conversations that a relay keeps: what the next request of one sends, and what its answer adds.

import type { MessageParam } from '../../client/index.ts';
import type {
  ConversationChange,
  ConversationStore,
  OpenRecord,
  StoredConversation,
  StoredTurn,
  StreamLog,
  TurnRecord,
} from '../../storage/index.ts';
import { readAnswer } from '../logged-answer.ts';
import { RequestError } from '../request-error.ts';
import { withStore } from '../storage-error.ts';
import { branchTo, messagesOf } from './history.ts';
import { longestKnown } from './longest-known.ts';
import { readMessages, titleOf, toTurns } from './new-turns.ts';
import { lostTurn, settledTurn } from './settled-turn.ts';

export interface ConversationsOptions {
  readonly store: ConversationStore;
  readonly log: StreamLog;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
}

/** What a page asks of a conversation. */
export interface Ask {
  readonly owner: string;
  readonly conversation: string;
  /** The turn that the new ones follow, null for none; undefined for the head. */
  readonly parent: string | null | undefined;
  /** The new turns; none asks for another answer to the question `parent`. */
  readonly messages: unknown;
  readonly idempotencyKey: string | undefined;
}

interface NewAnswer {
  readonly turn: Pick<TurnRecord, 'parent' | 'added'>;
  /** Adds the new turns and the answer's; to be called when there is a stream, before upstream is. Rejects with a
   * ConversationFullError, and with RequestError when the conversation has been deleted. */
  readonly add: (streamId: string) => Promise<void>;
}

export interface AdoptedAnswer extends NewAnswer {
  /** What goes upstream: what is known, and a message for each new turn. */
  readonly messages: readonly MessageParam[];
}

export type BeginResult =
  | ({
      readonly type: 'begun';
      /** What goes upstream: the branch, and the new turns. */
      readonly messages: readonly MessageParam[];
    } & NewAnswer)
  /** The turn to be followed is an answer that has not ended. */
  | { readonly type: 'under_way' }
  /** The turn to be followed is not there. */
  | { readonly type: 'no_parent' };

/** The conversation, or its owner, has as much as may be. */
export class ConversationFullError extends Error {
  override readonly name = 'ConversationFullError';
  readonly code = 'conversation_full';

  constructor() {
    super(
      'Cannot add to the conversation: it is as large as it may be, or there are as many as there may be',
    );
  }
}

export class Conversations {
  readonly #options: ConversationsOptions;

  constructor(options: ConversationsOptions) {
    this.#options = options;
  }

  get store(): ConversationStore {
    return this.#options.store;
  }

  /** Throws RequestError for messages that are none; rejects with StorageError. */
  async begin(ask: Ask): Promise<BeginResult> {
    const added = readMessages(ask.messages);
    const stored = await this.read(ask.owner, ask.conversation);
    const parent = parentFor(ask, stored);
    const branch = branchTo(stored?.turns ?? [], parent);
    const leaf = branch.at(-1);
    if (parent !== null && leaf === undefined) return { type: 'no_parent' };
    if (leaf?.isOpen === true) return { type: 'under_way' };
    const last = added.at(-1) ?? leaf;
    if (last?.role !== 'user')
      throw new RequestError(400, 'messages: must end with a user turn, or be empty behind one');
    const before = messagesOf(branch);
    const turns = toTurns(added, { parent, before, now: this.#options.now() });
    return {
      type: 'begun',
      messages: [...before, ...messagesOf(turns)],
      turn: { parent, added: turns.length },
      add: (streamId) => this.#add(ask, { streamId, turns, question: turns.at(-1) ?? leaf }),
    };
  }

  /** Makes a conversation say what its page says: the turns that are there already stay, others begin a branch. Rejects
   * with StorageError. */
  async adopt(
    owner: string,
    conversation: string,
    messages: readonly MessageParam[],
  ): Promise<AdoptedAnswer> {
    const stored = await this.read(owner, conversation);
    const { turns: known, said, rest } = longestKnown(stored?.turns ?? [], messages);
    const parent = known.at(-1)?.id ?? null;
    const turns = toTurns(rest, { parent, before: said, now: this.#options.now() });
    const question = turns.at(-1) ?? known.at(-1);
    return {
      messages: [...said, ...rest],
      turn: { parent, added: turns.length },
      add: (streamId) =>
        this.#add({ owner, conversation, idempotencyKey: undefined }, { streamId, turns, question }),
    };
  }

  /** Adds the turns of a stream whose process died before its conversation had them. False where that cannot be: the
   * conversation was deleted, or is full. Rejects with StorageError. */
  async restore(
    streamId: string,
    { owner, conversation, turn, request, createdAt }: OpenRecord,
  ): Promise<boolean> {
    if (conversation === undefined || turn === undefined || !(await this.#isBarelyBegun(streamId)))
      return true;
    const { parent, added, asked } = turn;
    const { messages } = JSON.parse(request) as { messages: readonly MessageParam[] };
    const { length } = messages;
    const turns = toTurns(messages.slice(length - added), { parent, before: [], now: createdAt });
    const question = turns.at(-1) ?? (parent === null ? undefined : { id: parent });
    try {
      await this.#add({ owner, conversation, idempotencyKey: asked?.key }, { streamId, turns, question });
      return true;
    } catch (error) {
      if (error instanceof RequestError || error instanceof ConversationFullError) return false;
      throw error;
    }
  }

  /** The stream has no turn yet, and nothing but its beginning: its conversation had been told of it before any more. */
  async #isBarelyBegun(streamId: string): Promise<boolean> {
    const { store, log } = this.#options;
    return withStore(`look for the answer ${streamId}`, async () => {
      if (await store.isOpen(streamId)) return false;
      return (await log.state(streamId))?.tail.sequence === 1;
    });
  }

  /** With every answer in it settled that has ended. Rejects with StorageError. */
  async read(owner: string, id: string): Promise<StoredConversation | undefined> {
    const { store } = this.#options;
    const read = (): Promise<StoredConversation | undefined> =>
      withStore(`read the conversation ${id}`, () => store.read(owner, id));
    const stored = await read();
    const open = stored?.turns.filter(({ isOpen }) => isOpen === true) ?? [];
    let hasSettled = false;
    for (const turn of open) hasSettled = (await this.#settle(turn.id)) || hasSettled;
    return hasSettled ? read() : stored;
  }

  change(
    owner: string,
    id: string,
    change: Omit<ConversationChange, 'now'>,
  ): Promise<'changed' | 'gone' | 'no_turn'> {
    const { store, now } = this.#options;
    return withStore(`change the conversation ${id}`, () =>
      store.change(owner, id, { ...change, now: now() }),
    );
  }

  /** A stream has ended: where it is an answer of a conversation, that takes it over. Never rejects. */
  async takeEnded(streamId: string): Promise<void> {
    try {
      if (await this.#options.store.isOpen(streamId)) await this.#settle(streamId);
    } catch (error) {
      this.#options.onError(error);
    }
  }

  /** Takes over the answers that ended while nobody looked. Never rejects. */
  async takeAllEnded(): Promise<void> {
    try {
      for (const id of await this.#options.store.open()) await this.#settle(id);
    } catch (error) {
      this.#options.onError(error);
    }
  }

  /** False while the answer is under way. */
  async #settle(id: string): Promise<boolean> {
    const { store, log } = this.#options;
    return withStore(`settle the answer ${id}`, async () => {
      const state = await log.state(id);
      if (state === undefined) return store.settle(id, lostTurn);
      if (state.ending === undefined) return false;
      const { accumulator, end } = await readAnswer(log, state);
      return store.settle(id, end === undefined ? lostTurn : settledTurn({ accumulator, end }));
    });
  }

  async #add(
    { owner, conversation, idempotencyKey }: Pick<Ask, 'owner' | 'conversation' | 'idempotencyKey'>,
    added: { streamId: string; turns: readonly StoredTurn[]; question: Pick<StoredTurn, 'id'> | undefined },
  ): Promise<void> {
    const { store, now } = this.#options;
    const answer: StoredTurn = {
      id: added.streamId,
      parent: added.question?.id ?? null,
      role: 'assistant',
      content: [],
      createdAt: now(),
      isOpen: true,
      ...(idempotencyKey === undefined ? {} : { key: idempotencyKey }),
    };
    const turns = [...added.turns, answer];
    const title = titleOf(turns);
    const put = { turns, head: answer.id, title, now: now() };
    const result = await withStore(`add to the conversation ${conversation}`, () =>
      store.put(owner, conversation, put),
    );
    if (result === 'full') throw new ConversationFullError();
    if (result === 'no_parent')
      throw new RequestError(409, 'conversation: was deleted while the question was on its way');
  }
}

/** The turn that the new ones follow. */
function parentFor(ask: Ask, stored: StoredConversation | undefined): string | null {
  const begun = repeatOf(stored, ask);
  if (begun !== undefined) return begun;
  return ask.parent === undefined ? (stored?.head ?? null) : ask.parent;
}

/** Where a request that is made again had begun: the parent of the first of the turns it added. Undefined for a
 * request that is made for the first time. */
function repeatOf(
  stored: StoredConversation | undefined,
  { idempotencyKey, messages }: Ask,
): string | null | undefined {
  const made = stored?.turns.find(({ key }) => key !== undefined && key === idempotencyKey);
  if (stored === undefined || made === undefined) return undefined;
  const count = (messages as readonly unknown[]).length;
  const branch = branchTo(stored.turns, made.parent);
  return branch.at(-1 - count)?.id ?? null;
}
