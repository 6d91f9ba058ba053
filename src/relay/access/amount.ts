// What requests take of an owner's day: tokens, and what they cost.

import type { Usage } from '../../protocol/index.ts';
import type { ModelPrice, PriceTable, TokenPrices } from './price-table.ts';

export interface Amount {
  readonly tokens: number;
  /** In the currency of the prices. */
  readonly cost: number;
}

export const nothing: Amount = { tokens: 0, cost: 0 };

export function plus(one: Amount, other: Amount): Amount {
  return { tokens: one.tokens + other.tokens, cost: one.cost + other.cost };
}

export function minus(one: Amount, other: Amount): Amount {
  return { tokens: one.tokens - other.tokens, cost: one.cost - other.cost };
}

/** How much more the one is than the other, in each; nothing where it is less. */
export function beyond(one: Amount, other: Amount): Amount {
  return { tokens: Math.max(0, one.tokens - other.tokens), cost: Math.max(0, one.cost - other.cost) };
}

export function half({ tokens, cost }: Amount): Amount {
  return { tokens: tokens / 2, cost: cost / 2 };
}

/** Nothing is left of what may be taken. */
export function isUsedUp(taken: Amount, most: Amount): boolean {
  return taken.tokens >= most.tokens || taken.cost >= most.cost;
}

export function fits(taken: Amount, most: Amount): boolean {
  return taken.tokens <= most.tokens && taken.cost <= most.cost;
}

/** Undefined for a model that the table does not have. */
export function priceOf(model: unknown, { models }: PriceTable): ModelPrice | undefined {
  if (typeof model !== 'string') return undefined;
  const name = model.replace(/-(?:\d{8}|latest)$/, '');
  return [model, name].map((each) => (Object.hasOwn(models, each) ? models[each] : undefined)).find(Boolean);
}

/** What is said of a request so far, and what it may have come to since. */
export interface Taken {
  readonly usage: Usage | undefined;
  readonly outputTokens: number;
}

export function amountOf({ usage, outputTokens }: Taken, price: ModelPrice | undefined): Amount {
  const input = inputOf(usage);
  const tokens = input.fresh + input.written5m + input.written1h + input.read;
  const prices = price && pricesFor(price, tokens);
  return {
    tokens: tokens + outputTokens,
    cost: prices === undefined ? 0 : costAt(input, outputTokens, prices),
  };
}

/** What an answer comes to; undefined for a model that the table does not have. */
export function costOf(model: string, usage: Usage, prices: PriceTable): number | undefined {
  const price = priceOf(model, prices);
  return price && amountOf({ usage, outputTokens: usage.output_tokens }, price).cost;
}

/** The most that so many tokens can come to, where nothing is known of them yet. */
export function boundOf(tokens: { input: number; output: number }, price: ModelPrice | undefined): Amount {
  const all = tokens.input + tokens.output;
  if (price === undefined) return { tokens: all, cost: 0 };
  const { longPrompt = price } = price;
  const input = Math.max(price.input, price.cacheWrite1h, longPrompt.input, longPrompt.cacheWrite1h);
  const output = Math.max(price.output, longPrompt.output);
  return { tokens: all, cost: (tokens.input * input + tokens.output * output) / million };
}

const million = 1_000_000;

interface Input {
  readonly fresh: number;
  readonly written5m: number;
  readonly written1h: number;
  readonly read: number;
}

function inputOf(usage: Usage | undefined): Input {
  const {
    input_tokens: fresh,
    cache_read_input_tokens: read,
    cache_creation_input_tokens: written,
    cache_creation: parts,
  } = (usage ?? {}) as Record<string, unknown>;
  const hour = count(
    (parts as { ephemeral_1h_input_tokens?: unknown } | undefined)?.ephemeral_1h_input_tokens,
  );
  const written1h = Math.min(hour, count(written));
  return { fresh: count(fresh), read: count(read), written1h, written5m: count(written) - written1h };
}

function count(value: unknown): number {
  return typeof value === 'number' && value > 0 ? value : 0;
}

function pricesFor({ longPrompt, ...usual }: ModelPrice, inputTokens: number): TokenPrices {
  return longPrompt !== undefined && inputTokens > longPrompt.aboveTokens ? longPrompt : usual;
}

function costAt(input: Input, outputTokens: number, prices: TokenPrices): number {
  const { fresh, written5m, written1h, read } = input;
  const all = [
    fresh * prices.input,
    written5m * prices.cacheWrite5m,
    written1h * prices.cacheWrite1h,
    read * prices.cacheRead,
    outputTokens * prices.output,
  ];
  return all.reduce((sum, each) => sum + each, 0) / million;
}
