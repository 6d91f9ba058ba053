// Counts what one request to upstream takes, event by event. Upstream says the input first and the output last; between
// them the output is taken for the most it can be: a token for each byte, since no token stands for less, and all of
// `max_tokens` from the first thought on, since thoughts are billed in full and shown in part.

import type { ServerSentEvent, Usage } from '../../protocol/index.ts';
import { isJsonObject, parseObject } from '../json-object.ts';
import type { JsonObject } from '../json-object.ts';
import { amountOf, plus } from './amount.ts';
import { utf8Length } from './input-bound.ts';
import type { Prospect, Turn } from './turn.ts';

/** What a block takes besides what its deltas show. */
const blockTokens = 16;
const toolTokens = 128;

export class StreamMeter {
  readonly #turn: Turn;
  /** Of the request. Its bound is that of the input until upstream has said it. */
  readonly #prospect: Prospect;
  #usage: JsonObject | undefined;
  #outputTokens = 0;
  #isWhole = false;

  constructor(turn: Turn, prospect: Prospect) {
    this.#turn = turn;
    this.#prospect = prospect;
  }

  /** False when that was the last that the day had. The end of a whole answer is never that. */
  take(events: readonly ServerSentEvent[]): boolean {
    const before = this.#outputTokens;
    const said = this.#usage;
    for (const { event, data } of events) {
      if (event !== 'ping') this.#takeEvent(data);
    }
    if (before === this.#outputTokens && said === this.#usage) return true;
    return this.#count() || this.#isWhole;
  }

  /** The request ended before upstream said anything: what it may have taken counts. */
  end(): void {
    if (this.#usage === undefined) this.#count();
  }

  #count(): boolean {
    const { price, bound } = this.#prospect;
    const amount = amountOf(
      { usage: this.#usage as Usage | undefined, outputTokens: this.#outputTokens },
      price,
    );
    return this.#turn.count(this.#usage === undefined ? plus(bound, amount) : amount);
  }

  #takeEvent(data: string): void {
    // What is no event takes nothing; who reads it for the log says what is wrong with it.
    const event = parseObject(data);
    const type = event?.['type'];
    if (event === undefined || typeof type !== 'string') return;
    if (type === 'message_start') this.#takeUsage((event['message'] as JsonObject | undefined)?.['usage']);
    else if (type === 'content_block_start')
      this.#takeBlock(event['content_block'] as JsonObject | undefined);
    else if (type === 'content_block_delta') this.#takeOutput(tokensOf(event['delta']));
    else if (type === 'message_delta') this.#takeUsage(event['usage']);
    else if (type === 'message_stop') this.#isWhole = true;
  }

  #takeUsage(value: unknown): void {
    if (!isJsonObject(value)) return;
    const said = Object.entries(value).filter(([, each]) => each != null);
    this.#usage = { ...this.#usage, ...Object.fromEntries(said) };
    const output = value['output_tokens'];
    if (typeof output === 'number') this.#outputTokens = output;
  }

  #takeBlock(block: JsonObject | undefined): void {
    const type = block?.['type'];
    if (type === 'text') this.#takeOutput(blockTokens);
    else if (type === 'tool_use') this.#takeOutput(toolTokens);
    else this.#takeOutput(Number.MAX_SAFE_INTEGER);
  }

  #takeOutput(tokens: number): void {
    this.#outputTokens = Math.min(this.#outputTokens + tokens, this.#prospect.maxTokens);
  }
}

function tokensOf(delta: unknown): number {
  let tokens = 0;
  for (const [name, value] of Object.entries((delta ?? {}) as JsonObject)) {
    if (name === 'type' || name === 'signature') continue;
    tokens += typeof value === 'string' ? utf8Length(value) : blockTokens;
  }
  return tokens;
}
