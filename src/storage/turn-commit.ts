// One transaction for all changes of a turn of the event loop, and no answer before it is committed.

import type { DatabaseSync, StatementSync } from 'node:sqlite';

export interface TurnCommitOptions {
  readonly database: DatabaseSync;
  /** Writes what the changes of the turn have gathered. */
  readonly beforeCommit: () => void;
  /** Called after a commit, before anybody gets an answer. */
  readonly onCommit: () => void;
  /** Makes memory what the database is: a transaction was taken back. May throw. */
  readonly onRollback: () => void;
  /** What the callers get for an error of the database. */
  readonly toError: (error: unknown) => Error;
}

export class TurnCommit {
  readonly #options: TurnCommitOptions;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  #changes: Change[] = [];
  /** A transaction failed, and memory still holds what was taken back. */
  #isTorn = false;

  constructor(options: TurnCommitOptions) {
    this.#options = options;
    this.#begin = options.database.prepare('BEGIN IMMEDIATE');
    this.#commit = options.database.prepare('COMMIT');
  }

  /** Makes a change, at the end of this turn; resolves with its result when it is committed. A RangeError that `work`
   * throws before it changes anything is the caller's alone; any other error takes the whole turn back. */
  run<Result>(work: () => Result): Promise<Result> {
    if (this.#changes.length === 0) setImmediate(this.#flushLater);
    return new Promise((resolve, reject) => {
      this.#changes.push(new Change(work, resolve as (result: unknown) => void, reject));
    });
  }

  readonly #flushLater = (): void => this.flush();

  /** Commits what waits. Throws nothing. */
  flush(): void {
    const changes = this.#changes;
    if (changes.length === 0) return;
    this.#changes = [];
    try {
      this.#make(changes);
      this.#options.onCommit();
      for (const change of changes) change.tell();
    } catch (error) {
      const told = this.#options.toError(error);
      for (const change of changes) change.reject(told);
      this.#tryHeal();
    }
  }

  #make(changes: readonly Change[]): void {
    this.heal();
    this.#isTorn = true;
    this.#begin.run();
    for (const change of changes) change.make();
    this.#options.beforeCommit();
    this.#commit.run();
    this.#isTorn = false;
  }

  /** To be called before memory is read: it may hold what was taken back. Throws the error of the database when it
   * cannot be made right yet. */
  heal(): void {
    if (!this.#isTorn) return;
    const { database, onRollback, toError } = this.#options;
    try {
      if (database.isTransaction) database.exec('ROLLBACK');
      onRollback();
      this.#isTorn = false;
    } catch (error) {
      throw toError(error);
    }
  }

  #tryHeal(): void {
    try {
      this.heal();
    } catch {
      // Whoever reads or writes next tries again, and is told.
    }
  }
}

/** One change, and the promise of it. */
class Change {
  readonly reject: (error: unknown) => void;
  readonly #work: () => unknown;
  readonly #resolve: (result: unknown) => void;
  #result: unknown;
  /** Set when the change is refused. */
  #refusal: RangeError | undefined;

  constructor(work: () => unknown, resolve: (result: unknown) => void, reject: (error: unknown) => void) {
    this.#work = work;
    this.#resolve = resolve;
    this.reject = reject;
  }

  make(): void {
    try {
      this.#result = this.#work();
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.#refusal = error;
    }
  }

  tell(): void {
    if (this.#refusal === undefined) this.#resolve(this.#result);
    else this.reject(this.#refusal);
  }
}
