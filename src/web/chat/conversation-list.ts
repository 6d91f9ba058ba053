// The conversations that the relay keeps for who uses the page. No DOM: the views only read its signals.

import { signal } from '@preact/signals';
import type { Signal } from '@preact/signals';
import type { ConversationItem, RelayApi } from '../relay-api.ts';
import type { KeptConversation } from './kept-conversation.ts';
import { toProblem } from './problem.ts';
import type { Problem } from './problem.ts';

export class ConversationList {
  /** The one that was changed last comes first; undefined until the relay has said. */
  readonly items: Signal<readonly ConversationItem[] | undefined> = signal(undefined);
  /** There are more. */
  readonly hasMore: Signal<boolean> = signal(false);
  /** Of what was asked for last. */
  readonly problem: Signal<Problem | undefined> = signal(undefined);

  readonly #api: RelayApi;
  /** Where the next page begins. */
  #next: string | undefined;
  /** Counts what was loaded: an answer that another one has overtaken is dropped. */
  #loads = 0;

  constructor(api: RelayApi) {
    this.#api = api;
  }

  /** Asks for the newest. */
  load(): Promise<void> {
    this.#next = undefined;
    return this.#load([]);
  }

  loadMore(): Promise<void> {
    return this.#load(this.items.value ?? []);
  }

  /** Undefined when the relay did not give it. */
  async read(id: string): Promise<KeptConversation | undefined> {
    let kept: KeptConversation | undefined;
    await this.#do(async () => {
      kept = await this.#api.conversation(id);
    });
    return kept;
  }

  /** False when the relay did not do it. */
  rename(id: string, title: string): Promise<boolean> {
    return this.#do(async () => {
      const renamed = await this.#api.renameConversation(id, title);
      this.items.value = this.items.value?.map((item) =>
        item.id === id ? { ...item, title: renamed } : item,
      );
    });
  }

  /** False when the relay did not do it. */
  remove(id: string): Promise<boolean> {
    return this.#do(async () => {
      await this.#api.deleteConversation(id);
      this.items.value = this.items.value?.filter((item) => item.id !== id);
    });
  }

  forget(): void {
    this.#loads += 1;
    this.items.value = undefined;
    this.hasMore.value = false;
    this.problem.value = undefined;
  }

  async #load(before: readonly ConversationItem[]): Promise<void> {
    const load = (this.#loads += 1);
    await this.#do(async () => {
      const { items, next } = await this.#api.conversations(this.#next);
      if (load !== this.#loads) return;
      // One that was changed in the meantime has come to the front, and would stand here twice.
      const known = new Set(before.map(({ id }) => id));
      this.items.value = [...before, ...items.filter(({ id }) => !known.has(id))];
      this.#next = next;
      this.hasMore.value = next !== undefined;
    });
  }

  async #do(work: () => Promise<void>): Promise<boolean> {
    this.problem.value = undefined;
    try {
      await work();
      return true;
    } catch (error) {
      this.problem.value = toProblem(error, Date.now());
      return false;
    }
  }
}
