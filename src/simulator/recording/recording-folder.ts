// The folder recordings are written to. Names go on from what is there: nothing is ever overwritten.

import { closeSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** For the eyes of the user alone. */
export const fileMode = 0o600;
const folderMode = 0o700;

export class RecordingFolder {
  readonly path: string;
  /** Above every number in the folder when it was opened. */
  #next: number;

  /** Makes the folder when there is none. Throws what the system says. */
  constructor(path: string) {
    this.path = path;
    mkdirSync(path, { recursive: true, mode: folderMode });
    const numbers = readdirSync(path).map((file) => Number(/^\d{4,15}(?=-)/.exec(file)?.[0] ?? 0));
    this.#next = numbers.reduce((highest, number) => Math.max(highest, number), 0) + 1;
  }

  /** Takes the next name for a request with this path, such as `0001-messages`, by creating its `.json` file. */
  takeName(path: string): string {
    for (;;) {
      const name = `${String(this.#next).padStart(4, '0')}-${toWords(path)}`;
      this.#next += 1;
      try {
        closeSync(openSync(join(this.path, `${name}.json`), 'wx', fileMode));
        return name;
      } catch (error) {
        // Another recorder has taken it.
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  }
}

/** `/v1/messages/count_tokens` as `messages-count_tokens`. */
function toWords(path: string): string {
  const [pathname = ''] = path.split('?');
  const words = pathname.replace(/^\/v1(?=\/)/, '').match(/[a-z0-9_]+/gi) ?? [];
  return words.join('-').toLowerCase().slice(0, 40) || 'root';
}
