// Which part of a prompt was cached before: by its actual prefix, as the API does it. Nothing but fingerprints and
// times is kept.

import { createHash } from 'node:crypto';

import type { Clock } from './clock.ts';
import type { PromptPart } from './prompt-parts.ts';

/** What of a request's input tokens is from the cache, and what goes into it. */
export interface CachedTokens {
  readonly read: number;
  /** Written for five minutes, and for an hour. */
  readonly written: Readonly<Record<Lifetime, number>>;
}

type Lifetime = '5m' | '1h';

const lifetimesMs: Readonly<Record<Lifetime, number>> = { '5m': 5 * 60_000, '1h': 60 * 60_000 };

export const uncached: CachedTokens = { read: 0, written: { '5m': 0, '1h': 0 } };

/** So many parts before a mark, the API looks for an earlier prefix. */
const lookback = 20;
/** The end of every prompt is never cached: recorded are 2 and 3 tokens. */
const tailTokens = 3;
/** Beyond it the prefixes stored first are forgotten. */
const mostPrefixes = 10_000;

/** The beginning of a prompt up to a part. */
interface Prefix {
  readonly name: string;
  readonly tokens: number;
  /** Undefined where the request sets no mark. */
  readonly lifetime: Lifetime | undefined;
}

export interface CacheLookup {
  readonly tokens: CachedTokens;
  /** To be called when the request was let in: its prefixes are cached from then on. */
  store(): void;
}

export class PromptCache {
  readonly #clock: Clock;
  /** When each prefix is forgotten, and how long it then lives when it is read again. */
  readonly #expiries = new Map<string, { atMs: number; lifetime: Lifetime }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Changes nothing. `scope` tells callers and models apart; a prefix of fewer than `leastTokens` is not cached. */
  find(parts: readonly PromptPart[], scope: string, leastTokens: number): CacheLookup {
    const prefixes = parts.some(({ cacheControl }) => cacheControl != null) ? toPrefixes(parts, scope) : [];
    const marks = prefixes.flatMap(({ lifetime, tokens }, position) =>
      lifetime !== undefined && tokens >= leastTokens ? [position] : [],
    );
    const known = prefixes.findLast(
      ({ name }, position) =>
        marks.some((mark) => mark >= position && mark - position < lookback) && this.#isCached(name),
    );
    const marked = marks.flatMap((position) => prefixes[position] ?? []);
    return {
      tokens: toTokens(known, marked),
      store: () => {
        if (known !== undefined) this.#keep(known);
        for (const prefix of marked) this.#keep(prefix);
      },
    };
  }

  #isCached(name: string): boolean {
    return (this.#expiries.get(name)?.atMs ?? 0) > this.#clock.now();
  }

  /** Reading a prefix renews it; one kept for an hour stays so, also where it is read by a mark for five minutes. */
  #keep({ name, lifetime }: Prefix): void {
    const before = this.#isCached(name) ? this.#expiries.get(name)?.lifetime : undefined;
    const kept = before === '1h' ? before : (lifetime ?? before ?? '5m');
    this.#expiries.delete(name);
    this.#expiries.set(name, { atMs: this.#clock.now() + lifetimesMs[kept], lifetime: kept });
    for (const oldest of this.#expiries.keys()) {
      if (this.#expiries.size <= mostPrefixes) break;
      this.#expiries.delete(oldest);
    }
  }
}

function toPrefixes(parts: readonly PromptPart[], scope: string): Prefix[] {
  let name = scope;
  let tokens = -tailTokens;
  return parts.map((part) => {
    name = createHash('sha256').update(`${name}\0${part.text}`).digest('base64');
    tokens += part.tokens;
    return { name, tokens: Math.max(Math.round(tokens), 0), lifetime: toLifetime(part.cacheControl) };
  });
}

function toLifetime(cacheControl: unknown): Lifetime | undefined {
  if (cacheControl == null) return undefined;
  return (cacheControl as { ttl?: unknown }).ttl === '1h' ? '1h' : '5m';
}

/** Each mark writes what lies between it and what is cached before it. */
function toTokens(known: Prefix | undefined, marked: readonly Prefix[]): CachedTokens {
  const read = known?.tokens ?? 0;
  const written = { '5m': 0, '1h': 0 };
  let end = read;
  for (const { tokens, lifetime = '5m' } of marked) {
    written[lifetime] += Math.max(tokens - end, 0);
    end = Math.max(tokens, end);
  }
  return { read, written };
}
