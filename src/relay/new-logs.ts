// Makes the logs of new streams. One whose conversation refuses it a moment later is gone again, and whoever has found
// it meanwhile, by the same Idempotency-Key, is refused with it.

import type { CreateResult, MadeResult, NewStream, StreamLog } from '../storage/index.ts';
import type { StartOptions } from './start-options.ts';

export class NewLogs {
  readonly #log: StreamLog;
  /** Those that may yet be refused; settled when they are, and nothing is left of them. */
  readonly #pending = new Map<string, Promise<unknown>>();

  constructor(log: StreamLog) {
    this.#log = log;
  }

  /** Rejects with what `onCreated` rejects with, here or of the request that made what this one finds. */
  async create(stream: NewStream, onCreated: StartOptions['onCreated']): Promise<CreateResult> {
    const { id } = stream;
    const creating = this.#create(stream, onCreated);
    this.#pending.set(id, creating);
    try {
      return await this.#sure(await creating);
    } finally {
      this.#pending.delete(id);
    }
  }

  /** What was made before, where there is something. Rejects as `create`. */
  async made(stream: Omit<NewStream, 'id'>): Promise<MadeResult | undefined> {
    const made = await this.#log.made(stream);
    return made && this.#sure(made);
  }

  async #create(stream: NewStream, onCreated: StartOptions['onCreated']): Promise<CreateResult> {
    const created = await this.#log.create(stream);
    if (created.type !== 'created') return created;
    try {
      await onCreated?.(stream.id);
    } catch (error) {
      await this.#log.delete(stream.id);
      throw error;
    }
    return created;
  }

  async #sure<Result extends CreateResult>(result: Result): Promise<Result> {
    if (result.type === 'exists') await this.#pending.get(result.id);
    return result;
  }
}
