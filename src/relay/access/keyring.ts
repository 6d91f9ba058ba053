// Finds the key that a client has sent. Digests are compared, every one of them to its end, so that the time it takes
// tells nothing of a secret.

import type { RelayKey } from './access-options.ts';

export class Keyring {
  readonly #keys: readonly RelayKey[];
  /** In the order of the keys; made when the first client comes, since digests are. */
  #digests: Promise<readonly Uint8Array[]> | undefined;

  constructor(keys: Iterable<RelayKey>) {
    this.#keys = [...keys];
  }

  async find(secret: string): Promise<RelayKey | undefined> {
    this.#digests ??= Promise.all(this.#keys.map((key) => digestOf(key.secret)));
    const [digests, sent] = await Promise.all([this.#digests, digestOf(secret)]);
    let found: RelayKey | undefined;
    for (const [index, digest] of digests.entries()) {
      if (isEqual(digest, sent)) found = this.#keys[index];
    }
    return found;
  }
}

const encoder = new TextEncoder();

async function digestOf(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text)));
}

/** Both have the same length. */
function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  let difference = 0;
  for (const [index, byte] of one.entries()) difference |= byte ^ (other[index] ?? 0);
  return difference === 0;
}
