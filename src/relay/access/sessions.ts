// Sessions of pages: a cookie that says whose it is and until when, signed with the owner's key. Nothing is stored, so
// a session outlives the relay's process, works at every relay with the same keys, and ends with its key.

import type { RelayKey } from './access-options.ts';

/** Over https a name that no other host and no page without https can set. */
export const cookieNames = { secure: '__Host-millrace_session', plain: 'millrace_session' } as const;

export interface Session {
  readonly value: string;
  readonly maxAgeMs: number;
}

/** How many sessions that were ended early are remembered; each is forgotten when it would have run out. */
const maxEnded = 10_000;

const algorithm = { name: 'HMAC', hash: 'SHA-256' };

export class Sessions {
  readonly #now: () => number;
  #keys: ReadonlyMap<string, RelayKey>;
  #maxAgeMs: number;
  /** Made when they are first needed; a key that changes gets another one. */
  readonly #signers = new Map<string, { readonly secret: string; readonly signer: Promise<CryptoKey> }>();
  /** Signatures of sessions that were ended here, and when they run out. */
  readonly #ended = new Map<string, number>();

  constructor(keys: ReadonlyMap<string, RelayKey>, maxAgeMs: number, now: () => number) {
    this.#keys = keys;
    this.#maxAgeMs = maxAgeMs;
    this.#now = now;
  }

  /** What is no key any more has no session either. */
  change(keys: ReadonlyMap<string, RelayKey>, maxAgeMs: number): void {
    this.#keys = keys;
    this.#maxAgeMs = maxAgeMs;
    for (const id of this.#signers.keys()) if (!keys.has(id)) this.#signers.delete(id);
  }

  async begin(key: RelayKey): Promise<Session> {
    const said = `${this.#now() + this.#maxAgeMs}.${toBase64Url(crypto.getRandomValues(new Uint8Array(12)))}.${key.id}`;
    const signature = await crypto.subtle.sign(algorithm, await this.#signerOf(key), signed(said));
    return { value: `${toBase64Url(new Uint8Array(signature))}.${said}`, maxAgeMs: this.#maxAgeMs };
  }

  /** Undefined for what is no session, or none any more. */
  async find(value: string): Promise<RelayKey | undefined> {
    const [, signature = '', said = '', expires = '', id = ''] = pattern.exec(value) ?? [];
    const key = this.#keys.get(id);
    const bytes = key && fromBase64Url(signature);
    if (key === undefined || bytes === undefined) return undefined;
    const isSound = await crypto.subtle.verify(algorithm, await this.#signerOf(key), bytes, signed(said));
    return isSound && Number(expires) > this.#now() && !this.#ended.has(said) ? key : undefined;
  }

  /** A copy of the cookie is worth nothing from now on. */
  async end(value: string): Promise<void> {
    if ((await this.find(value)) === undefined) return;
    const [, , said = '', expires = ''] = pattern.exec(value) ?? [];
    for (const [each, runsOutAt] of this.#ended) {
      if (runsOutAt > this.#now() && this.#ended.size < maxEnded) break;
      this.#ended.delete(each);
    }
    this.#ended.set(said, Number(expires));
  }

  #signerOf({ id, secret }: RelayKey): Promise<CryptoKey> {
    const known = this.#signers.get(id);
    if (known?.secret === secret) return known.signer;
    const signer = crypto.subtle.importKey('raw', encoder.encode(secret), algorithm, false, [
      'sign',
      'verify',
    ]);
    this.#signers.set(id, { secret, signer });
    return signer;
  }
}

/** Signature, then what is signed: when it runs out, a random part, the key's id. */
const pattern = /^([\w-]{43})\.(([0-9]{1,16})\.[\w-]{16}\.([\w.:@-]{1,64}))$/;

const encoder = new TextEncoder();

/** No other use of the same secret signs the same. */
function signed(said: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(`millrace session ${said}`);
}

function toBase64Url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    return Uint8Array.from(binary, (character) => character.charCodeAt(0));
  } catch {
    // It is no base64.
    return undefined;
  }
}
