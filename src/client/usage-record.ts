// What an answer took, attempt by attempt and altogether. The wire's figures are cumulative within an attempt:
// overwritten there, and added up only between attempts.

import type { ContentBlockDelta, DeepReadonly, StreamEvent, Usage } from '../protocol/index.ts';

/** Why an attempt was made. */
export type AttemptKind = 'first' | 'retry' | 'recovery' | 'fallback';

/** One request that was made for an answer. */
export interface AttemptRecord {
  /** From 1. */
  readonly number: number;
  readonly kind: AttemptKind;
  readonly model: string;
  readonly isStreamed: boolean;
  /** The server's name for the request; undefined until its headers are there. */
  readonly request_id: string | undefined;
  /** What the attempt took; undefined when the server did not get to say it: it may be billed all the same. */
  readonly usage: DeepReadonly<Usage> | undefined;
  /** False when the attempt broke off: its output tokens are an estimate of what came. */
  readonly isUsageExact: boolean;
  /** Why it failed; undefined while it goes on and after a complete one. */
  readonly error: unknown;
}

/** Characters a token has, about: recorded answers have 3.4 to 4.6. */
const charactersPerToken = 3.6;

type Figures = Record<string, unknown>;

export class UsageRecord implements AttemptRecord {
  declare readonly number: number;
  declare readonly kind: AttemptKind;
  declare readonly model: string;
  declare readonly isStreamed: boolean;
  request_id: string | undefined;
  error: unknown;
  isUsageExact = false;
  #figures: Figures | undefined;
  /** Of what came in deltas. */
  #characters = 0;

  constructor(request: Pick<AttemptRecord, 'number' | 'kind' | 'model' | 'isStreamed'>) {
    Object.assign(this, request);
  }

  get usage(): Usage | undefined {
    if (this.#figures === undefined) return undefined;
    const said = Number(this.#figures['output_tokens'] ?? 0);
    const estimate = Math.max(said, Math.ceil(this.#characters / charactersPerToken));
    return { ...this.#figures, output_tokens: this.isUsageExact ? said : estimate } as unknown as Usage;
  }

  /** Takes an event of the attempt. */
  take(event: StreamEvent): void {
    if (event.type === 'content_block_delta') {
      this.#characters += textOf((event as { delta: ContentBlockDelta }).delta).length;
      return;
    }
    const usage = usageOf(event);
    // The figures of the end are the last ones, and come before `message_stop`.
    if (event.type === 'message_stop' || (hasStopReason(event) && usage?.output_tokens != null))
      this.isUsageExact = true;
    if (usage == null) return;
    this.#figures ??= {};
    for (const [name, value] of Object.entries(usage)) if (value != null) this.#figures[name] = value;
  }
}

function textOf(delta: ContentBlockDelta): string {
  const { text, thinking, partial_json } = delta as unknown as Record<string, string | undefined>;
  return text ?? thinking ?? partial_json ?? '';
}

function hasStopReason(event: StreamEvent): boolean {
  const { delta } = event as { delta?: { stop_reason?: unknown } };
  return event.type === 'message_delta' && delta?.stop_reason != null;
}

function usageOf(event: StreamEvent): Partial<Usage> | null | undefined {
  if (event.type === 'message_start') return (event as { message: { usage?: Usage } }).message.usage;
  return event.type === 'message_delta' ? (event as { usage?: Partial<Usage> }).usage : undefined;
}

/** The usage of all attempts together; undefined when none said any. */
export function totalUsage(attempts: readonly Pick<AttemptRecord, 'usage'>[]): Usage | undefined {
  const known = attempts.flatMap(({ usage }) => (usage === undefined ? [] : [usage as unknown as Figures]));
  const [first, ...others] = known;
  return first === undefined ? undefined : (others.reduce(sum, first) as unknown as Usage);
}

/** All of them: the wire counts those read from the cache, and those written to it, apart. */
export function inputTokensOf(usage: DeepReadonly<Usage> | undefined): number {
  if (usage === undefined) return 0;
  const { input_tokens, cache_read_input_tokens, cache_creation_input_tokens } = usage;
  return (input_tokens ?? 0) + (cache_read_input_tokens ?? 0) + (cache_creation_input_tokens ?? 0);
}

/** Numbers are added up, at any depth that usage has; of all else the later one counts. */
function sum(one: Figures, other: Figures): Figures {
  const total = { ...one };
  for (const [name, value] of Object.entries(other)) {
    const before = total[name];
    if (typeof value === 'number' && typeof before === 'number') total[name] = before + value;
    else if (isFigures(value) && isFigures(before)) total[name] = sum(before, value);
    else if (value != null) total[name] = value;
  }
  return total;
}

function isFigures(value: unknown): value is Figures {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
