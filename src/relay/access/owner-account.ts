// What one owner has under way, has waiting, and has taken today. A request comes to its turn in the order they came
// in.

import type { Amount } from './amount.ts';
import { beyond, fits, half, isUsedUp, minus, nothing, plus } from './amount.ts';
import { hasQuota } from './access-rules.ts';
import type { FullLimits } from './access-rules.ts';
import { OwnerLimitError } from './owner-limit-error.ts';
import { dayMs } from './quota-book.ts';
import type { BookedAccount, QuotaBook } from './quota-book.ts';
import { RequestRate } from './request-rate.ts';
import { Turn } from './turn.ts';
import type { Prospect, TurnKeeper } from './turn.ts';

export interface OwnerAccountOptions {
  readonly owner: string;
  readonly limits: () => FullLimits;
  readonly now: () => number;
  readonly book: Pick<QuotaBook, 'write' | 'writeUnseen' | 'writeSoon'>;
}

export class OwnerAccount implements TurnKeeper, BookedAccount {
  readonly owner: string;
  readonly #limits: () => FullLimits;
  readonly #now: () => number;
  readonly #book: OwnerAccountOptions['book'];
  readonly #rate = new RequestRate();
  readonly #running = new Set<Turn>();
  /** Those that wait, in order. */
  readonly #queue: Turn[] = [];
  /** Days of UTC since 1970. */
  #day = 0;
  /** Counted today, of answers under way as well. */
  #taken = nothing;
  /** Held for requests whose input is not known yet. */
  #reserved = nothing;
  /** What those under way may say before the next write, together. */
  #margins = nothing;
  /** What the store has of the day. */
  #kept = nothing;
  /** A write is under way that nobody waits for. */
  #isBooking = false;

  constructor({ owner, limits, now, book }: OwnerAccountOptions) {
    this.owner = owner;
    this.#limits = limits;
    this.#now = now;
    this.#book = book;
  }

  get retryAfterMs(): number {
    return dayMs - (this.#now() % dayMs);
  }

  /** Nothing would be forgotten with it. */
  get isIdle(): boolean {
    this.#turnDay();
    const hasTaken = this.#taken.tokens > 0;
    return this.#running.size + this.#queue.length === 0 && !hasTaken && this.#rate.isIdle(this.#now());
  }

  get counts(): { readonly running: number; readonly waiting: number; readonly taken: Amount } {
    this.#turnDay();
    return { running: this.#running.size, waiting: this.#queue.length, taken: this.#taken };
  }

  /** Throws OwnerLimitError for one request too many. */
  countRequest(): void {
    const waitMs = this.#rate.take(this.#limits().requestsPerMinute, this.#now());
    if (waitMs !== undefined) throw new OwnerLimitError('requests', waitMs);
  }

  /** Throws OwnerLimitError where there is no room, not even to wait. */
  enter(prospect: Prospect): Turn {
    if (this.#isUsedUp()) throw new OwnerLimitError('quota', this.retryAfterMs);
    const turn = new Turn(this, prospect, this.#queue.length + 1);
    if (this.#queue.length === 0 && this.#hasRoomFor(prospect)) this.#start(turn);
    else if (this.#queue.length < this.#limits().queue) this.#queue.push(turn);
    else throw new OwnerLimitError('queue', 1000);
    return turn;
  }

  /** For an answer that is under way already. */
  force(prospect: Prospect): Turn {
    const turn = new Turn(this, prospect, 1);
    turn.resume();
    this.#start(turn);
    return turn;
  }

  leave(turn: Turn): void {
    const at = this.#queue.indexOf(turn);
    if (at >= 0) this.#queue.splice(at, 1);
    if (this.#running.delete(turn)) {
      this.#unreserve(turn);
      // Sums of costs are not exact.
      this.#margins = this.#running.size === 0 ? nothing : minus(this.#margins, turn.prospect.margin);
      if (this.#hasQuota()) this.#book.writeSoon(this);
    }
    this.goOn();
  }

  /** Resolves when the store has what all that is under way may come to for now; undefined when it has. Rejects with
   * StorageError. */
  booked(): Promise<void> | undefined {
    return !this.#hasQuota() || this.#isKept(this.#margins) ? undefined : this.#book.write(this);
  }

  ahead(day: number): Amount {
    this.#turnDay(day);
    return plus(plus(this.#taken, this.#reserved), this.#margins);
  }

  keep(day: number, amount: Amount): void {
    if (day === this.#day) this.#kept = amount;
  }

  /** It was taken before this process began. */
  add(day: number, amount: Amount): void {
    this.#turnDay(day);
    if (day === this.#day) this.#taken = plus(this.#taken, amount);
  }

  reserve(turn: Turn, bound: Amount): boolean {
    this.#unreserve(turn);
    if (this.#isUsedUp()) return false;
    if (this.#running.size > 1 && !this.#fits(bound)) return false;
    this.#reserve(turn, bound);
    return true;
  }

  count(turn: Turn, amount: Amount): boolean {
    this.#turnDay();
    this.#unreserve(turn);
    const ofToday = beyond(amount, turn.countedBefore);
    this.#taken = plus(this.#taken, minus(ofToday, turn.counted));
    turn.counted = ofToday;
    this.#bookAhead();
    if (!this.#isUsedUp()) {
      this.goOn();
      return true;
    }
    for (const other of this.#running) if (other !== turn) other.end('quota');
    this.goOn();
    return false;
  }

  /** Everything under way is stopped: the owner is none any more. */
  close(): void {
    for (const turn of [...this.#running, ...this.#queue]) turn.end('removed');
  }

  /** Lets those come to their turn that may, and tells the others where they are. */
  goOn(): void {
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      if (this.#isUsedUp()) next.refuse(new OwnerLimitError('quota', this.retryAfterMs));
      else if (this.#hasRoomFor(next.prospect)) this.#start(next);
      else break;
      this.#queue.shift();
    }
    for (const [index, turn] of this.#queue.entries()) turn.moveTo(index + 1);
  }

  #start(turn: Turn): void {
    this.#running.add(turn);
    this.#reserve(turn, turn.prospect.bound);
    this.#margins = plus(this.#margins, turn.prospect.margin);
    turn.moveTo(0);
  }

  #hasRoomFor({ bound, input }: Prospect): boolean {
    // Alone it may go whatever it comes to: its first event will tell.
    if (this.#running.size === 0) return true;
    if (this.#running.size >= this.#limits().concurrent) return false;
    return !this.#hasQuota() || (input.isSure && this.#fits(bound));
  }

  /** Beside all that others may come to. */
  #fits(bound: Amount): boolean {
    return fits(plus(plus(this.#taken, this.#reserved), bound), this.#most());
  }

  /** What is held for others counts: they have been let through. */
  #isUsedUp(): boolean {
    this.#turnDay();
    if (!this.#hasQuota()) return false;
    // Who is alone holds it for itself.
    const held = this.#running.size <= 1 ? nothing : this.#reserved;
    return isUsedUp(plus(this.#taken, held), this.#most());
  }

  /** Half of what the margins were is left: by the time that it has been said there is more. */
  #bookAhead(): void {
    if (this.#isBooking || !this.#hasQuota() || this.#isKept(half(this.#margins))) return;
    this.#isBooking = true;
    void this.#book.writeUnseen(this).then(() => (this.#isBooking = false));
  }

  #isKept(margins: Amount): boolean {
    return fits(plus(plus(this.#taken, this.#reserved), margins), this.#kept);
  }

  #reserve(turn: Turn, bound: Amount): void {
    turn.reserved = bound;
    this.#reserved = plus(this.#reserved, bound);
  }

  #unreserve(turn: Turn): void {
    // Sums of costs are not exact.
    this.#reserved = this.#running.size === 0 ? nothing : minus(this.#reserved, turn.reserved);
    turn.reserved = nothing;
  }

  #hasQuota(): boolean {
    return hasQuota(this.#limits());
  }

  #most(): Amount {
    const { tokensPerDay, costPerDay } = this.#limits();
    return { tokens: tokensPerDay, cost: costPerDay };
  }

  /** A clock that is set back gives nobody a day again. */
  #turnDay(day: number = Math.floor(this.#now() / dayMs)): void {
    if (day <= this.#day) return;
    this.#day = day;
    this.#taken = nothing;
    this.#kept = nothing;
    for (const turn of this.#running) {
      turn.countedBefore = plus(turn.countedBefore, turn.counted);
      turn.counted = nothing;
    }
  }
}
