// One answer: the events of its stream accumulated, and what the page shows of it as signals. Signals change at
// most once a frame while text comes, and at once when the answer's state does.

import { batch, signal } from '@preact/signals';
import type { Signal } from '@preact/signals';
import { MessageAccumulator } from '../../protocol/index.ts';
import type { ContentBlock, DeepReadonly, Message, StreamEvent } from '../../protocol/index.ts';
import type { FollowEnd, FollowState } from '../follow-stream.ts';
import type { Frames } from '../frames.ts';
import { relayRecord } from '../stream/relay-record.ts';
import type { Cancel } from '../stream/follow-environment.ts';
import { AnswerBlock } from './answer-block.ts';
import { AnswerTiming } from './answer-timing.ts';
import type { AnswerFigures } from './answer-timing.ts';
import { isStop, toProblem } from './problem.ts';
import type { Problem } from './problem.ts';

export type AnswerState =
  /** Sent; nothing of the answer is here yet. */
  | { readonly type: 'submitted' }
  | { readonly type: 'streaming' }
  | { readonly type: 'reconnecting' }
  | { readonly type: 'complete' }
  | { readonly type: 'stopped' }
  | { readonly type: 'failed'; readonly problem: Problem };

/** What is kept of an answer. */
export interface AnswerRecord {
  readonly key: string;
  readonly streamId?: string | undefined;
  readonly state: AnswerState;
  readonly message?: DeepReadonly<Message> | undefined;
  readonly figures?: AnswerFigures | undefined;
  /** How long each block took, in milliseconds, by its place. */
  readonly durationsMs?: readonly (number | null)[] | undefined;
}

export interface AnswerClock {
  readonly frames: Frames;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const open: ReadonlySet<AnswerState['type']> = new Set(['submitted', 'streaming', 'reconnecting']);

export function isOpen(state: AnswerState): boolean {
  return open.has(state.type);
}

export class Answer {
  readonly type = 'answer';
  /** Makes the request that asks for this answer the same one when it is sent again. */
  readonly key: string;
  streamId: string | undefined;
  readonly state: Signal<AnswerState> = signal({ type: 'submitted' });
  readonly blocks: Signal<readonly AnswerBlock[]> = signal([]);
  /** The user has asked to stop, and the stream has not ended yet. */
  readonly isStopping: Signal<boolean> = signal(false);
  readonly hasStopFailed: Signal<boolean> = signal(false);
  figures: AnswerFigures = {};

  readonly #clock: AnswerClock;
  #accumulator = new MessageAccumulator();
  #restored: DeepReadonly<Message> | undefined;
  /** Undefined for an answer that is read again: nobody saw how fast it came. */
  #timing: AnswerTiming | undefined;
  #views = new Map<DeepReadonly<ContentBlock>, AnswerBlock>();
  #startedAt = new Map<AnswerBlock, number>();
  #nextKey = 0;
  /** Blocks that have grown since the last frame. */
  readonly #grown = new Set<AnswerBlock>();
  #cancelFrame: Cancel | undefined;

  constructor(key: string, clock: AnswerClock) {
    this.key = key;
    this.#clock = clock;
    this.#timing = new AnswerTiming(clock.frames.now());
  }

  static restore(record: AnswerRecord, clock: AnswerClock): Answer {
    const answer = new Answer(record.key, clock);
    answer.streamId = record.streamId;
    answer.state.value = record.state;
    answer.figures = record.figures ?? {};
    answer.#timing = undefined;
    answer.#restored = record.message;
    answer.blocks.value = (record.message?.content ?? []).map((block, index) => {
      const view = answer.#view(block, false);
      view.durationMs = record.durationsMs?.[index] ?? undefined;
      return view;
    });
    return answer;
  }

  /** What has arrived so far. Live. */
  get message(): DeepReadonly<Message> | undefined {
    return this.#accumulator.message ?? this.#restored;
  }

  /** All text of the answer, as markdown. */
  get text(): string {
    const blocks = this.message?.content ?? [];
    return blocks.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n\n');
  }

  toRecord(): AnswerRecord {
    const { key, streamId, figures } = this;
    if (isOpen(this.state.value)) return { key, streamId, state: { type: 'submitted' } };
    return {
      key,
      streamId,
      state: this.state.value,
      message: this.message,
      figures,
      durationsMs: this.blocks.value.map(({ durationMs }) => durationMs ?? null),
    };
  }

  follows(state: FollowState): void {
    if (state === 'reconnecting') this.state.value = { type: 'reconnecting' };
    if (state === 'streaming' && this.state.value.type === 'reconnecting') {
      this.state.value = { type: this.message === undefined ? 'submitted' : 'streaming' };
    }
  }

  take(event: StreamEvent): void {
    const record = relayRecord(event);
    if (record?.type === 'rewind') return this.#rewind(record.fromIndex);
    this.#accumulator.push(event);
    this.#timing?.take(event, this.#clock.frames.now());
    if ('index' in event && typeof event.index === 'number') this.#takeBlock(event, event.index);
    if (event.type === 'message_start') this.state.value = { type: 'streaming' };
    this.#cancelFrame ??= this.#clock.frames.request(() => {
      this.#show();
    });
  }

  /** Forgets everything: the stream is read again from its beginning. */
  restart(): void {
    this.#accumulator = new MessageAccumulator();
    this.#restored = undefined;
    this.#timing = undefined;
    this.#clear();
  }

  /** The stream can be followed no further. */
  settle(end: FollowEnd): void {
    this.#accumulator.end();
    this.#close(this.#stateAfter(end));
  }

  fail(error: unknown): void {
    this.#close({ type: 'failed', problem: toProblem(error, this.#clock.now()) });
  }

  #stateAfter(end: FollowEnd): AnswerState {
    const now = this.#clock.now();
    if (end.type === 'failed') return { type: 'failed', problem: toProblem(end.error, now) };
    const { ending } = this.#accumulator;
    if (ending?.type === 'complete') return { type: 'complete' };
    if (ending?.type !== 'failed') return { type: 'failed', problem: { code: 'truncated', message: '' } };
    return isStop(ending.error)
      ? { type: 'stopped' }
      : { type: 'failed', problem: toProblem(ending.error, now) };
  }

  #close(state: AnswerState): void {
    this.figures = this.#timing?.figures(this.message?.usage.output_tokens ?? 0) ?? this.figures;
    batch(() => {
      this.#show();
      for (const view of this.blocks.value) view.isOpen.value = false;
      this.isStopping.value = false;
      this.hasStopFailed.value = false;
      this.state.value = state;
    });
  }

  /** Drops the blocks from `fromIndex` on; what comes next stands in their place. */
  #rewind(fromIndex: number): void {
    this.#accumulator.rewind(fromIndex);
    this.#show();
  }

  #clear(): void {
    this.#views = new Map();
    this.#startedAt = new Map();
    this.#grown.clear();
    this.blocks.value = [];
  }

  #takeBlock(event: StreamEvent, index: number): void {
    const block = this.#accumulator.blockAt(index);
    if (block === undefined) return;
    const isNew = !this.#views.has(block);
    const view = this.#view(block, true);
    view.input = this.#accumulator.inputOf(block);
    if (isNew) this.#startedAt.set(view, this.#clock.frames.now());
    if (event.type === 'content_block_stop') this.#stopBlock(view);
    this.#grown.add(view);
  }

  #stopBlock(view: AnswerBlock): void {
    const startedAt = this.#startedAt.get(view);
    if (this.#timing !== undefined && startedAt !== undefined) {
      view.durationMs = this.#clock.frames.now() - startedAt;
    }
    view.isOpen.value = false;
  }

  #view(block: DeepReadonly<ContentBlock>, isOpen: boolean): AnswerBlock {
    const known = this.#views.get(block);
    if (known !== undefined) return known;
    const view = new AnswerBlock(this.#nextKey, block, isOpen);
    this.#nextKey += 1;
    this.#views.set(block, view);
    return view;
  }

  #show(): void {
    this.#cancelFrame?.();
    this.#cancelFrame = undefined;
    const content = this.message?.content ?? [];
    batch(() => {
      if (content.length !== this.blocks.value.length) {
        this.blocks.value = content.map((block) => this.#view(block, false));
      }
      for (const view of this.#grown) view.revision.value += 1;
    });
    this.#grown.clear();
  }
}
