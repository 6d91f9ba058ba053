// One answer's place among those of its owner: it waits for its turn, has it, and gives it back. What it takes is
// counted while it comes.

import type { Amount } from './amount.ts';
import { nothing } from './amount.ts';
import type { InputBound } from './input-bound.ts';
import { longestTimerMs } from '../timers.ts';
import { OwnerLimitError } from './owner-limit-error.ts';
import type { ModelPrice } from './price-table.ts';

/** What an answer may come to, before anything is known of it. */
export interface Prospect {
  readonly price: ModelPrice | undefined;
  readonly input: InputBound;
  /** Of output; Infinity where the request does not say. */
  readonly maxTokens: number;
  /** Until it is counted: the input alone of what streams, and of all else the output as well. */
  readonly bound: Amount;
  /** What of the output is kept in advance, again and again while it comes. */
  readonly margin: Amount;
}

/** Why an answer is not let go on: the day has no more room, or its owner is none any more. */
export type EndReason = 'quota' | 'removed';

/** The reason, and what is said of it. */
export interface Over {
  readonly why: EndReason;
  readonly error: OwnerLimitError;
}

/** The owner's side of it. */
export interface TurnKeeper {
  /** Gives it back, whether or not it had it. */
  leave(turn: Turn): void;
  /** Takes it that a further request is made; false when the day has no room for it. */
  reserve(turn: Turn, bound: Amount): boolean;
  /** Resolves when the store has what it may come to for now; undefined when it has. Rejects with StorageError. */
  booked(): Promise<void> | undefined;
  /** Replaces what was counted of the request under way. */
  count(turn: Turn, amount: Amount): boolean;
  readonly retryAfterMs: number;
}

export class Turn {
  readonly prospect: Prospect;
  /** Held for the request under way until its input is known. */
  reserved: Amount = nothing;
  /** What was counted of the request under way, today and on the days before. */
  counted: Amount = nothing;
  countedBefore: Amount = nothing;
  readonly #keeper: TurnKeeper;
  /** Made by who waits: most never have to. */
  #started: PromiseWithResolvers<void> | undefined;
  #refusal: OwnerLimitError | undefined;
  #position: number;
  #changed: PromiseWithResolvers<void> | undefined;
  #onOver: ((over: Over) => void) | undefined;
  #over: Over | undefined;
  #hasBegun = false;

  constructor(keeper: TurnKeeper, prospect: Prospect, position: number) {
    this.#keeper = keeper;
    this.prospect = prospect;
    this.#position = position;
  }

  /** How many are before it, and itself; 0 when it has its turn. */
  get position(): number {
    return this.#position;
  }

  /** Resolves when the position is another one. */
  changed(): Promise<void> {
    this.#changed ??= Promise.withResolvers<void>();
    return this.#changed.promise;
  }

  /** Resolves when it may begin. Rejects with OwnerLimitError after `waitMs`, when the day has no room for it, or when
   * its owner is none any more, and with the signal's reason. */
  async start(signal: AbortSignal, waitMs: number): Promise<void> {
    const refusal = this.#over?.error ?? this.#refusal;
    if (refusal !== undefined) throw refusal;
    if (this.#position === 0) return;
    signal.throwIfAborted();
    this.#started = Promise.withResolvers<void>();
    const { promise: refused, reject } = Promise.withResolvers<never>();
    const leave = (): void => reject(signal.reason);
    signal.addEventListener('abort', leave, { once: true });
    const late = (): void => reject(new OwnerLimitError('turn', 1000));
    const timer = waitMs <= longestTimerMs ? setTimeout(late, waitMs) : undefined;
    try {
      await Promise.race([this.#started.promise, refused]);
    } catch (error) {
      this.release();
      throw error;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', leave);
    }
  }

  /** Told by the keeper: the answer was begun before, and no room was made for what it asks next. */
  resume(): void {
    this.#hasBegun = true;
  }

  /** What ends the answer; called once, perhaps at once. */
  set onOver(tell: (over: Over) => void) {
    this.#onOver = tell;
    if (this.#over !== undefined) tell(this.#over);
  }

  /** Told by the keeper. */
  moveTo(position: number): void {
    if (position === this.#position) return;
    this.#position = position;
    if (position === 0) this.#started?.resolve();
    this.#changed?.resolve();
    this.#changed = undefined;
  }

  /** Told by the keeper: it never comes to its turn. */
  refuse(error: OwnerLimitError): void {
    this.#refusal ??= error;
    this.#started?.reject(error);
  }

  end(why: EndReason): Over {
    if (this.#over !== undefined) return this.#over;
    const error = new OwnerLimitError(why, why === 'quota' ? this.#keeper.retryAfterMs : undefined);
    this.#over = { why, error };
    this.#started?.reject(error);
    this.#onOver?.(this.#over);
    return this.#over;
  }

  /** A request to upstream is to be made; resolves when the store has what it may take. Rejects with OwnerLimitError
   * when the day has no room for another one, or when its owner is none any more, and with StorageError. */
  async beginRequest(bound: Amount): Promise<void> {
    this.counted = nothing;
    this.countedBefore = nothing;
    // Room for the first was made when it began.
    const hasRoom = this.#over === undefined && (!this.#hasBegun || this.#keeper.reserve(this, bound));
    this.#hasBegun = true;
    if (!hasRoom) throw this.end('quota').error;
    await this.#keeper.booked();
    // It may have ended meanwhile.
    if (this.#over !== undefined) throw this.#over.error;
  }

  /** What the request under way has taken by now. False when that was the last that the day had. */
  count(amount: Amount): boolean {
    return this.#keeper.count(this, amount);
  }

  /** Makes room for the next. Again it does nothing. */
  release(): void {
    this.#keeper.leave(this);
  }
}
