// Who may use a relay, from where, for what, and how much of it: plain values, so that a file or flags can say them.

import type { PriceTable } from './price-table.ts';

export interface AccessOptions {
  /** Whoever asks must have one of these. Without any the relay serves this machine alone. */
  readonly keys?: readonly RelayKey[] | undefined;
  /** Pages of these origins may use the relay, besides its own: `https://app.example.com`, exactly as a browser says
   * it. `*` stands for every origin, and needs `session: false`. */
  readonly origins?: readonly string[] | undefined;
  /** Names the relay answers for besides those of loopback: `relay.example.com` on any port, or with one. Needs keys. */
  readonly hosts?: readonly string[] | undefined;
  /** What pages may ask for. Set, or with keys, everything else is refused; see `PageRules`. */
  readonly allow?: PageRules | undefined;
  /** Of each owner, where its key does not say otherwise. */
  readonly limits?: OwnerLimits | undefined;
  /** Replaces the prices that come with the package. */
  readonly prices?: PriceTable | undefined;
  /** How long a cookie of `POST /session` is good for; false for no cookies at all. Default: 12 hours, with keys. */
  readonly session?: { readonly maxAgeMs: number } | false | undefined;
  /** Tokens that an application signs for those who use it, for the routes of pages. Needs keys. */
  readonly tokens?: TokenRules | undefined;
}

/** Which JSON Web Tokens are taken. Each names its key (`kid`), has an `exp`, and its `sub` is the owner: 1 to 128
 * visible ASCII characters, and the id of no key. */
export interface TokenRules {
  /** The `iss` of each. */
  readonly issuer: string;
  /** Is the `aud` of each, or among them. */
  readonly audience: string;
  /** While one takes the place of another, both are here. */
  readonly keys: readonly TokenKey[];
}

export type TokenKey = SecretTokenKey | PublicTokenKey;

export interface SecretTokenKey {
  /** The `kid` of the tokens that it signs. */
  readonly id: string;
  readonly algorithm: 'HS256';
  /** As that of a `RelayKey`, and of none of these. */
  readonly secret: string;
}

export interface PublicTokenKey {
  readonly id: string;
  /** `Ed25519` and its older name `EdDSA` are the same one, also as tokens say it. */
  readonly algorithm: 'Ed25519' | 'EdDSA' | 'ES256' | 'RS256';
  /** As a JSON Web Key. */
  readonly publicKey: PublicJwk;
}

/** The fields that the algorithm has: `crv` and `x` for Ed25519, `y` as well for ES256, `n` and `e` for RS256. Others
 * are not looked at. */
export interface PublicJwk {
  readonly kty: string;
  readonly crv?: string | undefined;
  readonly x?: string | undefined;
  readonly y?: string | undefined;
  readonly n?: string | undefined;
  readonly e?: string | undefined;
}

export interface RelayKey {
  /** Names the owner of what is made with the key: 1 to 64 letters, digits and `_.:@-`. */
  readonly id: string;
  /** What a client sends: 32 to 512 visible ASCII characters, 8 of them different. */
  readonly secret: string;
  /** Sees, stops and deletes the streams of every owner. */
  readonly operator?: boolean | undefined;
  /** Each that is left out is that of all owners. */
  readonly limits?: OwnerLimits | undefined;
  /** The only models it may ask for, on every route. Default: any. */
  readonly models?: readonly string[] | undefined;
}

/** Of one owner. `Infinity` is no limit. */
export interface OwnerLimits {
  /** Answers under way at the same time; default 3 with keys. One more waits for its turn. */
  readonly concurrent?: number | undefined;
  /** Requests that wait for their turn; default 20. One more is refused. */
  readonly queue?: number | undefined;
  /** How long a request of `/v1` waits for its turn before it is refused, in milliseconds; default 30,000. */
  readonly waitMs?: number | undefined;
  /** Requests that begin an answer or count tokens, in any 60 seconds; default no limit. */
  readonly requestsPerMinute?: number | undefined;
  /** Input, cached or not, and output, in a day of UTC; default no limit. */
  readonly tokensPerDay?: number | undefined;
  /** In the currency of the prices, in a day of UTC; default no limit. Models without a price are refused then. */
  readonly costPerDay?: number | undefined;
  /** Connections that read one stream; default 6 with keys. */
  readonly readersPerStream?: number | undefined;
  /** Connections that read; default 20 with keys. */
  readonly readers?: number | undefined;
}

/** What pages may ask for on every route but `/v1`. */
export interface PageRules {
  /** Default: the model that the relay asks for where a page does not say. */
  readonly models?: readonly string[] | undefined;
  /** The most a page may ask for as `max_tokens`. Default: what the relay asks for where a page does not say. */
  readonly maxTokens?: number | undefined;
  /** Fields of a Messages request besides those that only shape the text, such as `system`, `tools` or `metadata`. */
  readonly fields?: readonly string[] | undefined;
  /** Hosts that images and documents may be fetched from by upstream, over https. Default: none. */
  readonly urlHosts?: readonly string[] | undefined;
  /** Makes room for images: bodies of up to 10 MiB in place of 1. */
  readonly images?: boolean | undefined;
}
