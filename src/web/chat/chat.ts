// The conversation and everything that can be done with it. No DOM: the views only read its signals.

import { computed, signal } from '@preact/signals';
import type { ReadonlySignal, Signal } from '@preact/signals';
import { followStream } from '../follow-stream.ts';
import type { StreamSource } from '../follow-stream.ts';
import type { RelayApi, RelayInfo } from '../relay-api.ts';
import type { FollowEnvironment } from '../stream/follow-environment.ts';
import { Answer, isOpen } from './answer.ts';
import type { AnswerClock } from './answer.ts';
import type { ChatStore } from './chat-store.ts';
import { toMessages } from './to-messages.ts';
import type { Turn } from './turn.ts';

export interface ChatServices {
  readonly environment: FollowEnvironment;
  readonly clock: AnswerClock;
  readonly store: ChatStore;
  readonly api: RelayApi;
  /** Something nobody else has: it names a request. */
  readonly createKey: () => string;
}

/**
 * A conversation.
 *
 * 1. At most one answer is open, and it is the last turn.
 * 2. What has arrived is kept, however an answer ends; it goes away only when the user asks again.
 * 3. An open answer outlives a reload: it is read again from its beginning, or asked for with the same key.
 */
export class Chat {
  readonly turns: Signal<readonly Turn[]> = signal([]);
  /** What the relay says about itself; undefined until it has. */
  readonly info: Signal<RelayInfo | undefined> = signal(undefined);
  readonly isRelayMissing: Signal<boolean> = signal(false);
  readonly latest: ReadonlySignal<Answer | undefined> = computed(() => {
    const last = this.turns.value.at(-1);
    return last?.type === 'answer' ? last : undefined;
  });
  readonly isBusy: ReadonlySignal<boolean> = computed(() => {
    const state = this.latest.value?.state.value;
    return state !== undefined && isOpen(state);
  });

  readonly #services: ChatServices;
  /** Ends the following of the open answer. */
  #aborter = new AbortController();

  constructor(services: ChatServices) {
    this.#services = services;
  }

  /** Takes up what an earlier visit of this tab has left, and asks the relay what it is. */
  open(): void {
    const { store, clock } = this.#services;
    this.turns.value = store
      .load()
      .map((record) => (record.type === 'question' ? record : Answer.restore(record, clock)));
    const answer = this.latest.value;
    if (answer !== undefined && this.isBusy.value) this.#follow(answer);
    void this.#askInfo();
  }

  /** Sends a message; does nothing while an answer is open, or for a message without text. */
  send(text: string): void {
    if (this.isBusy.value || text.trim() === '') return;
    const { createKey } = this.#services;
    this.#ask([...this.turns.value, { type: 'question', key: createKey(), text }]);
  }

  /** Stops the open answer. What has arrived stays; the stream itself says when it has stopped. */
  stop(): void {
    const answer = this.latest.value;
    if (answer === undefined || !this.isBusy.value || answer.isStopping.value) return;
    answer.isStopping.value = true;
    // Without an id yet, it is stopped as soon as it has one.
    if (answer.streamId !== undefined) void this.#postStop(answer, answer.streamId);
  }

  /** Asks the last question again, in place of its answer. */
  retry(): void {
    const answer = this.latest.value;
    if (answer === undefined || this.isBusy.value) return;
    const { value: state } = answer.state;
    // Should the request have arrived in spite of all, it must not be answered twice.
    const isSame = state.type === 'failed' && state.problem.code === 'unreachable';
    this.#ask(this.turns.value.slice(0, -1), isSame ? answer.key : undefined);
  }

  /** Follows the last answer again, which goes on without this page. */
  reconnect(): void {
    const answer = this.latest.value;
    if (answer?.streamId === undefined || this.isBusy.value) return;
    answer.state.value = { type: 'reconnecting' };
    this.#follow(answer);
  }

  /** Begins a new conversation; an open answer is stopped, since nobody will read it. */
  startNew(): void {
    this.stop();
    // Without an id it cannot be stopped yet: it is followed, unseen, until it has one and has stopped.
    if (this.latest.value?.streamId !== undefined) {
      this.#aborter.abort(new Error('A new conversation has begun'));
    }
    this.turns.value = [];
    this.#save();
  }

  #ask(turns: readonly Turn[], key: string = this.#services.createKey()): void {
    const answer = new Answer(key, this.#services.clock);
    this.turns.value = [...turns, answer];
    this.#save();
    this.#follow(answer);
  }

  #follow(answer: Answer): void {
    this.#aborter = new AbortController();
    void this.#followToEnd(answer, this.#aborter.signal);
  }

  async #followToEnd(answer: Answer, signal: AbortSignal): Promise<void> {
    // The request names the model, and must be the same one when it is sent again after a reload.
    if (answer.streamId === undefined && this.info.value === undefined) await this.#askInfo();
    // What the page has of it is void once it is read from the beginning.
    let isStale = answer.message !== undefined;
    try {
      const end = await followStream(
        this.#sourceOf(answer),
        {
          onState: (state) => {
            answer.follows(state);
          },
          onOpen: (id) => {
            this.#opened(answer, id);
          },
          onEvent: (event) => {
            if (isStale) answer.restart();
            isStale = false;
            answer.take(event);
          },
          onRestart: () => {
            answer.restart();
          },
        },
        { environment: this.#services.environment, signal },
      );
      answer.settle(end);
    } catch (error) {
      if (signal.aborted) return;
      answer.fail(error);
    }
    this.#save();
  }

  #sourceOf(answer: Answer): StreamSource {
    if (answer.streamId !== undefined) return { type: 'existing', id: answer.streamId };
    const { model, maxTokens } = this.info.value ?? {};
    const request = {
      ...(model === undefined ? {} : { model }),
      ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
      messages: toMessages(this.turns.value),
    };
    return { type: 'new', request, key: answer.key };
  }

  #opened(answer: Answer, id: string): void {
    answer.streamId = id;
    this.#save();
    if (answer.isStopping.value) void this.#postStop(answer, id);
  }

  async #postStop(answer: Answer, id: string): Promise<void> {
    answer.hasStopFailed.value = false;
    try {
      await this.#services.api.stop(id);
    } catch {
      // Why does not matter to anybody: the answer goes on, and the page says so.
      answer.isStopping.value = false;
      answer.hasStopFailed.value = isOpen(answer.state.value);
    }
  }

  async #askInfo(): Promise<void> {
    try {
      this.info.value = await this.#services.api.info();
      this.isRelayMissing.value = false;
    } catch {
      // The page shows that the relay is missing; the next message asks again.
      this.isRelayMissing.value = true;
    }
  }

  #save(): void {
    this.#services.store.save(this.turns.value);
  }
}
