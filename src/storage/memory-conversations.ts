// Conversations in this process's memory, gone with it.

import { defaultConversationLimits, haveParents, turnBytes } from './conversation-store.ts';
import type {
  ConversationChange,
  ConversationLimits,
  ConversationStore,
  ConversationSummary,
  ListLimits,
  NewTurns,
  PutResult,
  SettledTurn,
  StoredConversation,
  StoredTurn,
} from './conversation-store.ts';

interface Held extends Omit<ConversationSummary, 'title' | 'head' | 'updatedAt'> {
  title: string;
  head: string | null;
  updatedAt: number;
  readonly turns: Map<string, StoredTurn>;
}

export class MemoryConversations implements ConversationStore {
  readonly #limits: ConversationLimits;
  readonly #byOwner = new Map<string, Map<string, Held>>();
  /** Whose turns each answer under way is one of. */
  readonly #open = new Map<string, Map<string, StoredTurn>>();

  constructor(limits: Partial<ConversationLimits> = {}) {
    this.#limits = { ...defaultConversationLimits, ...limits };
  }

  async put(owner: string, id: string, { turns, head, title, now }: NewTurns): Promise<PutResult> {
    const held = this.#of(owner).get(id);
    if (held === undefined && this.#of(owner).size >= this.#limits.maxConversations) return 'full';
    if (!haveParents(turns, (parent) => held?.turns.has(parent) === true)) return 'no_parent';
    const next = new Map(held?.turns);
    for (const turn of turns) next.set(turn.id, turn);
    let bytes = 0;
    for (const turn of next.values()) bytes += turnBytes(turn);
    if (bytes > this.#limits.maxConversationBytes) return 'full';
    const conversation = held ?? { id, title, head, createdAt: now, updatedAt: now, turns: next };
    if (held === undefined) this.#byOwner.set(owner, this.#of(owner).set(id, conversation));
    conversation.head = head;
    conversation.updatedAt = now;
    for (const turn of turns) {
      conversation.turns.set(turn.id, structuredClone(turn));
      if (turn.isOpen === true) this.#open.set(turn.id, conversation.turns);
      else this.#open.delete(turn.id);
    }
    return 'put';
  }

  async read(owner: string, id: string): Promise<StoredConversation | undefined> {
    const held = this.#of(owner).get(id);
    return held && structuredClone({ ...held, turns: [...held.turns.values()] });
  }

  async list(owner: string, { limit, after }: ListLimits): Promise<readonly ConversationSummary[]> {
    return [...this.#of(owner).values()]
      .toSorted(byChange)
      .filter((held) => after === undefined || byChange(after, held) < 0)
      .slice(0, limit)
      .map(({ turns: _turns, ...summary }) => summary);
  }

  async change(
    owner: string,
    id: string,
    { title, head, now }: ConversationChange,
  ): Promise<'changed' | 'gone' | 'no_turn'> {
    const held = this.#of(owner).get(id);
    if (held === undefined) return 'gone';
    if (head !== undefined && !held.turns.has(head)) return 'no_turn';
    held.title = title ?? held.title;
    held.head = head ?? held.head;
    held.updatedAt = now;
    return 'changed';
  }

  async delete(owner: string, id: string): Promise<readonly string[] | undefined> {
    const held = this.#of(owner).get(id);
    if (held === undefined) return undefined;
    this.#of(owner).delete(id);
    if (this.#of(owner).size === 0) this.#byOwner.delete(owner);
    const answers = [...held.turns.values()]
      .filter(({ role }) => role === 'assistant')
      .map((turn) => turn.id);
    for (const answer of answers) this.#open.delete(answer);
    return answers;
  }

  async settle(answerId: string, { content, answer }: SettledTurn): Promise<boolean> {
    const turns = this.#open.get(answerId);
    const turn = turns?.get(answerId);
    if (turn === undefined) return false;
    const { isOpen: _open, ...rest } = turn;
    turns?.set(answerId, structuredClone({ ...rest, content, answer }));
    this.#open.delete(answerId);
    return true;
  }

  async isOpen(answerId: string): Promise<boolean> {
    return this.#open.has(answerId);
  }

  async open(): Promise<readonly string[]> {
    return [...this.#open.keys()];
  }

  #of(owner: string): Map<string, Held> {
    return this.#byOwner.get(owner) ?? new Map<string, Held>();
  }
}

type Place = Pick<ConversationSummary, 'id' | 'updatedAt'>;

/** The one changed last first; of the same moment by their ids. */
function byChange(one: Place, other: Place): number {
  if (one.updatedAt !== other.updatedAt) return other.updatedAt - one.updatedAt;
  if (one.id === other.id) return 0;
  return one.id < other.id ? -1 : 1;
}
