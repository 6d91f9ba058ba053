// Tokens that an application signs for those who use it: JSON Web Tokens by RFC 7519, in the compact form of RFC 7515.
// The key says the algorithm and not the token, as RFC 8725 wants it; what is encrypted, or has an extension that must
// be understood (`crit`), is refused.

import { isJsonObject } from '../json-object.ts';
import type { JsonObject } from '../json-object.ts';
import type { PublicTokenKey, SecretTokenKey, TokenKey, TokenRules } from './access-options.ts';
import { fromBase64Url } from './base64-url.ts';
import { EndedSessions } from './ended-sessions.ts';
import type { EndedSession } from './ended-sessions.ts';

/** Whose token it is. */
export interface TokenSession {
  readonly owner: string;
  /** What was signed. */
  readonly said: string;
  /** How long it is good for, in milliseconds: the clock that is allowed to be wrong included. */
  readonly leftMs: number;
}

/** How far apart the clocks of who signs and who checks may be. */
const maxSkewMs = 60_000;

const maxLength = 4096;

interface Parts {
  /** Header and claims, as they are signed. */
  readonly said: string;
  readonly header: JsonObject;
  readonly claims: JsonObject;
  readonly signature: Uint8Array<ArrayBuffer>;
}

export class Tokens {
  readonly #now: () => number;
  readonly #ended: EndedSessions;
  #rules: TokenRules | undefined;
  /** Made when they are first needed. */
  #verifiers = new Map<string, Promise<CryptoKey>>();

  constructor(rules: TokenRules | undefined, now: () => number) {
    this.#rules = rules;
    this.#now = now;
    this.#ended = new EndedSessions(now);
  }

  change(rules: TokenRules | undefined): void {
    this.#rules = rules;
    this.#verifiers = new Map();
  }

  /** Undefined for what is no token of the application, or none any more. Rejects for a key that is none. */
  async find(token: string): Promise<TokenSession | undefined> {
    const parts = this.#rules === undefined ? undefined : partsOf(token);
    if (parts === undefined || this.#rules === undefined) return undefined;
    const session = sessionOf(parts.claims, this.#rules, this.#now());
    const key = keyOf(parts.header, this.#rules);
    if (session === undefined || key === undefined) return undefined;
    const verifier = await this.#verifierOf(key);
    const { verifying } = algorithms[key.algorithm];
    const isSound = await crypto.subtle.verify(
      verifying,
      verifier,
      parts.signature,
      encoder.encode(parts.said),
    );
    const found = { ...session, said: parts.said };
    return isSound && !this.#ended.has(this.#endOf(found)) ? found : undefined;
  }

  /** A copy of it is worth nothing from now on. Undefined for what is none. */
  async end(token: string): Promise<TokenSession | undefined> {
    const session = await this.find(token);
    if (session !== undefined) this.#ended.add(this.#endOf(session));
    return session;
  }

  hasEnded(session: EndedSession): boolean {
    return this.#ended.has(session);
  }

  #endOf({ owner, said, leftMs }: TokenSession): EndedSession {
    return { owner, said, runsOutAt: this.#now() + leftMs };
  }

  #verifierOf(key: TokenKey): Promise<CryptoKey> {
    const verifiers = this.#verifiers;
    const known = verifiers.get(key.id);
    if (known !== undefined) return known;
    const made = importKey(key);
    verifiers.set(key.id, made);
    // The next one tries again.
    made.catch(() => verifiers.delete(key.id));
    return made;
  }
}

const encoder = new TextEncoder();

function partsOf(token: string): Parts | undefined {
  if (token.length > maxLength) return undefined;
  const [, said = '', head = '', body = '', sign = ''] = /^(([\w-]+)\.([\w-]+))\.([\w-]+)$/.exec(token) ?? [];
  const header = objectIn(head);
  const claims = objectIn(body);
  const signature = fromBase64Url(sign);
  return header && claims && signature && { said, header, claims, signature };
}

function objectIn(text: string): JsonObject | undefined {
  const bytes = fromBase64Url(text);
  if (bytes === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return isJsonObject(value) ? value : undefined;
  } catch {
    // It is no JSON, or not in UTF-8.
    return undefined;
  }
}

function keyOf({ kid, alg, crit }: JsonObject, { keys }: TokenRules): TokenKey | undefined {
  const key = crit === undefined ? keys.find(({ id }) => id === kid) : undefined;
  return key !== undefined && canonicalName(key.algorithm) === canonicalName(alg) ? key : undefined;
}

/** RFC 9864 has names that say the curve, and the one before for as long as it is in use. */
function canonicalName(algorithm: unknown): unknown {
  return algorithm === 'EdDSA' ? 'Ed25519' : algorithm;
}

/** Undefined for claims that are not meant for this relay, or not now. */
function sessionOf(
  claims: JsonObject,
  { issuer, audience }: TokenRules,
  now: number,
): Omit<TokenSession, 'said'> | undefined {
  const { iss, aud, sub, exp, nbf, iat } = claims;
  const isMeant = iss === issuer && (Array.isArray(aud) ? aud.includes(audience) : aud === audience);
  const isNow = isAfter(exp, now - maxSkewMs) && [nbf, iat].every((from) => isBefore(from, now + maxSkewMs));
  if (!isMeant || !isNow || typeof sub !== 'string' || !/^[!-~]{1,128}$/.test(sub)) return undefined;
  return { owner: sub, leftMs: Number(exp) * 1000 + maxSkewMs - now };
}

function isAfter(seconds: unknown, timeMs: number): boolean {
  return typeof seconds === 'number' && seconds * 1000 > timeMs;
}

/** Where it is said at all. */
function isBefore(seconds: unknown, timeMs: number): boolean {
  return seconds === undefined || (typeof seconds === 'number' && seconds * 1000 <= timeMs);
}

const ed25519 = { importing: { name: 'Ed25519' }, verifying: { name: 'Ed25519' } };

/** How WebCrypto calls them. */
const algorithms = {
  HS256: { importing: { name: 'HMAC', hash: 'SHA-256' }, verifying: { name: 'HMAC' } },
  Ed25519: ed25519,
  EdDSA: ed25519,
  ES256: {
    importing: { name: 'ECDSA', namedCurve: 'P-256' },
    verifying: { name: 'ECDSA', hash: 'SHA-256' },
  },
  RS256: {
    importing: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    verifying: { name: 'RSASSA-PKCS1-v1_5' },
  },
} as const satisfies Record<TokenKey['algorithm'], object>;

function importKey(key: TokenKey): Promise<CryptoKey> {
  const { importing } = algorithms[key.algorithm];
  if (isSecret(key))
    return crypto.subtle.importKey('raw', encoder.encode(key.secret), importing, false, ['verify']);
  // Its other fields say how it is to be used elsewhere.
  const { kty, crv, x, y, n, e } = key.publicKey;
  const set = Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined);
  return crypto.subtle.importKey('jwk', Object.fromEntries(set) as JsonWebKey, importing, false, ['verify']);
}

function isSecret(key: SecretTokenKey | PublicTokenKey): key is SecretTokenKey {
  return key.algorithm === 'HS256';
}
