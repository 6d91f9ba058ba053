// The conversation and everything that can be done with it. No DOM: the views only read its signals.

import { computed, signal } from '@preact/signals';
import type { ReadonlySignal, Signal } from '@preact/signals';
import { followStream } from '../follow-stream.ts';
import type { FollowEnd, StreamSource } from '../follow-stream.ts';
import { ApiError } from '../../protocol/index.ts';
import type { RelayApi, RelayInfo } from '../relay-api.ts';
import type { FollowEnvironment } from '../stream/follow-environment.ts';
import { Answer, isOpen } from './answer.ts';
import type { AnswerClock } from './answer.ts';
import { toAskRequest } from './ask-request.ts';
import type { ChatStore, TurnRecord } from './chat-store.ts';
import { toTurnRecords } from './kept-conversation.ts';
import type { KeptConversation } from './kept-conversation.ts';
import { detailCode, toProblem } from './problem.ts';
import type { Problem } from './problem.ts';
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
 * 4. The relay keeps it too, but for questions that never got there.
 */
export class Chat {
  readonly turns: Signal<readonly Turn[]> = signal([]);
  /** What the relay calls the conversation. */
  readonly conversation: Signal<string>;
  /** What the relay says about itself; undefined until it has. */
  readonly info: Signal<RelayInfo | undefined> = signal(undefined);
  readonly isRelayMissing: Signal<boolean> = signal(false);
  /** The relay answers only to who has signed in. */
  readonly isSignedOut: Signal<boolean> = signal(false);
  readonly latest: ReadonlySignal<Answer | undefined> = computed(() => {
    const last = this.turns.value.at(-1);
    return last?.type === 'answer' ? last : undefined;
  });
  readonly isBusy: ReadonlySignal<boolean> = computed(() => {
    const state = this.latest.value?.state.value;
    return state !== undefined && isOpen(state);
  });

  readonly #services: ChatServices;
  /** Whose chat it is; undefined where nobody signs in, and as long as that is not known. */
  #owner: string | undefined;
  /** Ends the following of the open answer. */
  #aborter = new AbortController();

  constructor(services: ChatServices) {
    this.#services = services;
    this.conversation = signal(services.createKey());
  }

  /** Takes up what an earlier visit of this tab has left, and asks the relay what it is. */
  open(): void {
    const { turns, conversation, owner } = this.#services.store.load();
    this.#owner = owner;
    this.#take(turns, conversation ?? this.conversation.value);
    void this.#askInfo();
  }

  /** Shows a conversation that the relay keeps. An answer that is open in this one goes on without the page. */
  show(kept: KeptConversation): void {
    this.#leave();
    this.#take(toTurnRecords(kept), kept.id);
    this.#save();
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
    this.#leave();
    this.#take([], this.#services.createKey());
    this.#save();
  }

  /** Resolves with what was wrong with it; undefined when nothing was. */
  async signIn(key: string): Promise<Problem | undefined> {
    const problem = await this.#try(() => this.#services.api.signIn(key));
    if (problem !== undefined) return problem;
    await this.#askInfo();
    const state = this.latest.value?.state.value;
    if (state?.type === 'failed' && state.problem.code === 'authentication_error') this.reconnect();
    return undefined;
  }

  /** The page forgets what was said; the relay keeps it. Resolves with what went wrong. */
  async signOut(): Promise<Problem | undefined> {
    const problem = await this.#try(() => this.#services.api.signOut());
    if (problem !== undefined) return problem;
    this.#belongTo(undefined);
    this.isSignedOut.value = true;
    return undefined;
  }

  #take(records: readonly TurnRecord[], conversation: string): void {
    const { clock } = this.#services;
    this.conversation.value = conversation;
    this.turns.value = records.map((record) =>
      record.type === 'question' ? record : Answer.restore(record, clock),
    );
    const answer = this.latest.value;
    if (answer !== undefined && this.isBusy.value) this.#follow(answer);
  }

  /** Reads the open answer no further. Without an id it cannot be stopped yet, nor found again: it is followed, unseen. */
  #leave(): void {
    if (this.latest.value?.streamId !== undefined)
      this.#aborter.abort(new Error('Another conversation is shown'));
  }

  /** What somebody else has said in this tab is none of this one's business. */
  #belongTo(owner: string | undefined): void {
    if (this.#owner !== undefined && this.#owner !== owner) {
      this.#leave();
      this.#take([], this.#services.createKey());
    }
    this.#owner = owner;
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
    try {
      let end = await this.#followOnce(answer, signal, this.#sourceOf(answer));
      if (isParentGone(end)) {
        this.conversation.value = this.#services.createKey();
        end = await this.#followOnce(answer, signal, this.#sourceOf(answer, true));
      }
      answer.settle(end);
      if (end.type === 'failed' && isUnknown(end.error)) void this.#askInfo();
    } catch (error) {
      if (signal.aborted) return;
      answer.fail(error);
    }
    this.#save();
  }

  #followOnce(answer: Answer, signal: AbortSignal, source: StreamSource): Promise<FollowEnd> {
    // What the page has of it is void once it is read from the beginning.
    let isStale = answer.message !== undefined;
    return followStream(
      source,
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
  }

  #sourceOf(answer: Answer, isWhole = false): StreamSource {
    if (answer.streamId !== undefined) return { type: 'existing', id: answer.streamId };
    const { turns, conversation, info } = this;
    const said = { turns: turns.value, conversation: conversation.value, info: info.value, isWhole };
    return { type: 'new', request: toAskRequest(said), key: answer.key };
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
      const info = await this.#services.api.info();
      this.#belongTo(info.owner);
      this.info.value = info;
      this.isRelayMissing.value = false;
      this.isSignedOut.value = false;
    } catch (error) {
      // The page shows that the relay is missing; the next message asks again.
      this.isSignedOut.value = isUnknown(error);
      this.isRelayMissing.value = !this.isSignedOut.value;
    }
  }

  async #try(work: () => Promise<void>): Promise<Problem | undefined> {
    try {
      await work();
      return undefined;
    } catch (error) {
      return toProblem(error, this.#services.clock.now());
    }
  }

  #save(): void {
    const names = { conversation: this.conversation.value, owner: this.#owner };
    this.#services.store.save(this.turns.value, names);
  }
}

/** The relay does not have the turn that the question follows: somebody has deleted it. */
function isParentGone(end: FollowEnd): boolean {
  return (
    end.type === 'failed' && end.error instanceof ApiError && detailCode(end.error.details) === 'parent_gone'
  );
}

/** The relay does not know who asks. */
function isUnknown(error: unknown): boolean {
  return error instanceof ApiError && error.status === 401;
}
