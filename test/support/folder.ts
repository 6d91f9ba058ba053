// A folder for the files of one test.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Folder extends Disposable {
  /** Returns the path of the file. */
  write(name: string, text: string): string;
}

export function makeFolder(): Folder {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-test-'));
  return {
    write: (name, text) => {
      const path = join(folder, name);
      writeFileSync(path, text);
      return path;
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}
