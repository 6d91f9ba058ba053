// One transaction for all changes of a turn of the event loop, and no answer before it is committed.

import type { DatabaseSync, StatementSync } from 'node:sqlite';

export interface TurnCommitOptions {
  readonly database: DatabaseSync;
  /** Called after a commit, before anybody gets an answer. */
  readonly onCommit: () => void;
  /** Makes memory what the database is: a transaction was taken back. May throw. */
  readonly onRollback: () => void;
  /** What the callers get for an error of the database. */
  readonly toError: (error: unknown) => Error;
}

interface Change {
  /** Makes the change and returns how to tell the caller of it. */
  readonly apply: () => () => void;
  readonly reject: (error: unknown) => void;
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
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    const apply = (): (() => void) => {
      try {
        const result = work();
        return () => resolve(result);
      } catch (error) {
        if (error instanceof RangeError) return () => reject(error);
        throw error;
      }
    };
    if (this.#changes.length === 0) setImmediate(() => this.flush());
    this.#changes.push({ apply, reject });
    return promise;
  }

  /** Commits what waits. Throws nothing. */
  flush(): void {
    const changes = this.#changes;
    if (changes.length === 0) return;
    this.#changes = [];
    try {
      this.heal();
      this.#isTorn = true;
      this.#begin.run();
      const answers = changes.map(({ apply }) => apply());
      this.#commit.run();
      this.#isTorn = false;
      this.#options.onCommit();
      for (const answer of answers) answer();
    } catch (error) {
      const told = this.#options.toError(error);
      for (const { reject } of changes) reject(told);
      this.#tryHeal();
    }
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
