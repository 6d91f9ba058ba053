// Sessions of pages: a cookie that says whose it is and until when, signed with the owner's key. Nothing is stored, so
// a session outlives the relay's process, works at every relay with the same keys, and ends with its key.

import type { RelayKey } from './access-options.ts';
import { fromBase64Url, toBase64Url } from './base64-url.ts';
import { EndedSessions } from './ended-sessions.ts';
import type { EndedSession } from './ended-sessions.ts';

/** Over https a name that no other host and no page without https can set. */
export const cookieNames = { secure: '__Host-millrace_session', plain: 'millrace_session' } as const;

/** A session that was found: whose it is, what was signed, and when it runs out. */
export interface KeySession {
  readonly key: RelayKey;
  readonly said: string;
  readonly runsOutAt: number;
}

export interface Session {
  readonly value: string;
  readonly maxAgeMs: number;
}

const algorithm = { name: 'HMAC', hash: 'SHA-256' };

export class Sessions {
  readonly #now: () => number;
  #keys: ReadonlyMap<string, RelayKey>;
  #maxAgeMs: number;
  /** Made when they are first needed; a key that changes gets another one. */
  readonly #signers = new Map<string, { readonly secret: string; readonly signer: Promise<CryptoKey> }>();
  readonly #ended: EndedSessions;

  constructor(keys: ReadonlyMap<string, RelayKey>, maxAgeMs: number, now: () => number) {
    this.#keys = keys;
    this.#maxAgeMs = maxAgeMs;
    this.#now = now;
    this.#ended = new EndedSessions(now);
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
  async find(value: string): Promise<KeySession | undefined> {
    const [, signature = '', said = '', expires = '', id = ''] = pattern.exec(value) ?? [];
    const key = this.#keys.get(id);
    const bytes = key && fromBase64Url(signature);
    if (key === undefined || bytes === undefined) return undefined;
    const isSound = await crypto.subtle.verify(algorithm, await this.#signerOf(key), bytes, signed(said));
    const runsOutAt = Number(expires);
    const isGood = isSound && runsOutAt > this.#now() && !this.#ended.has({ owner: key.id, said, runsOutAt });
    return isGood ? { key, said, runsOutAt } : undefined;
  }

  /** A copy of the cookie is worth nothing from now on. Undefined for what is no session. */
  async end(value: string): Promise<KeySession | undefined> {
    const session = await this.find(value);
    if (session !== undefined) this.#ended.add({ owner: session.key.id, ...session });
    return session;
  }

  hasEnded(session: EndedSession): boolean {
    return this.#ended.has(session);
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
