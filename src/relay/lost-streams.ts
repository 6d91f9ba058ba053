// Streams whose end the store did not take, as far as this process knows: who reads them is told rather than left to
// wait.

import type { StreamLog } from '../storage/index.ts';
import { Loss } from './parting.ts';
import type { Following } from './read-options.ts';
import type { StorageError } from './storage-error.ts';

export class LostStreams {
  readonly #losses = new Map<string, Loss>();

  /** `loss` has begun. */
  add(id: string, loss: Loss): void {
    this.#losses.set(id, loss);
  }

  /** As `add`, with what the store said. */
  readonly take = (id: string, error: StorageError): void => {
    const loss = new Loss();
    loss.lose(error);
    this.add(id, loss);
  };

  /** What is to be known of a stream that is not produced here. */
  following(id: string, usual: Following): Following {
    const loss = this.#losses.get(id);
    return loss === undefined ? usual : { ...usual, loss };
  }

  /** Forgets those that have their end after all, or somebody who works on it. Rejects with what the store does. */
  async forgetFound(log: StreamLog, isProduced: (id: string) => boolean): Promise<void> {
    for (const id of this.#losses.keys()) {
      const state = await log.state(id);
      if (state === undefined || state.ending !== undefined || isProduced(id)) this.#losses.delete(id);
    }
  }
}
