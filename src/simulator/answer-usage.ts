// What an answer comes to, counted block by block: running totals, as `message_delta` says them. A model that gets the
// result of a server tool reads everything again, and that is input too, as recorded.

import type { MessageDeltaEvent } from '../protocol/index.ts';
import type { JsonObject } from './json-object.ts';
import type { MessagesRequest } from './messages-request.ts';
import { alwaysDetailsOutput } from './models.ts';
import { tokensOfBlock } from './prompt-parts.ts';
import { tokenCostsOf } from './token-costs.ts';
import { isObject } from './validate-value.ts';
import type { WireBlock } from './wire-block.ts';

export interface InputUsage {
  readonly input_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
}

/** What is neither read from the cache nor written to it is input as such. */
export function inputUsage({ inputTokens, cached: { read, written } }: MessagesRequest): InputUsage {
  const created = written['5m'] + written['1h'];
  return {
    input_tokens: inputTokens - read - created,
    cache_creation_input_tokens: created,
    cache_read_input_tokens: read,
  };
}

/** One model reading the prompt and writing something. */
interface Iteration {
  readonly type: 'message' | 'compaction' | 'advisor_message' | 'fallback_message';
  readonly model?: string | undefined;
  inputTokens: number;
  outputTokens: number;
}

/** Who advises when the request does not say. */
const usualAdvisor = 'claude-opus-4-8';

export class AnswerUsage {
  readonly #request: MessagesRequest;
  /** What is read again with each result. */
  #promptTokens: number;
  /** What stands in the answer so far, as a model reads it. */
  #contentTokens = 0;
  /** Of the model that answers. */
  #inputTokens: number;
  #thinkingTokens = 0;
  /** The types of all blocks so far. */
  readonly #types = new Set<string>();
  /** Undefined as long as the API has run nothing itself. */
  #serverToolUse: { web_search_requests: number; web_fetch_requests: number } | undefined;
  /** The ended ones; told only where there are several. */
  readonly #iterations: Iteration[] = [];
  #current: Iteration;

  constructor(request: MessagesRequest) {
    this.#request = request;
    this.#promptTokens = inputUsage(request).input_tokens;
    this.#inputTokens = this.#promptTokens;
    this.#current = { type: 'message', inputTokens: this.#promptTokens, outputTokens: 0 };
  }

  /** A block was sent, and with its deltas `outputTokens`. */
  add(block: WireBlock, outputTokens: number): void {
    const { type } = block.start as { type: string };
    this.#types.add(type);
    this.#current.outputTokens += outputTokens;
    const tokens = this.#tokensOf({ ...block.start });
    if (type === 'thinking') this.#thinkingTokens += outputTokens;
    else this.#contentTokens += tokens + outputTokens;
    if (type === 'compaction') this.#addCompaction(this.#tokensOf({ ...block.opening?.[0] }));
    if (type === 'fallback') this.#addFallback({ ...block.start });
    if (type.endsWith('_tool_result')) this.#addResult(type, tokens);
  }

  /** Whether a block of the type was sent. */
  has(type: string): boolean {
    return this.#types.has(type);
  }

  /** Of the message so far. */
  totals(outputTokens: number): NonNullable<MessageDeltaEvent['usage']> {
    const isDetailed = this.has('thinking') || alwaysDetailsOutput(this.#request.model);
    const iterations = [...this.#iterations, this.#current].map(toWireIteration);
    return {
      ...inputUsage(this.#request),
      input_tokens: this.#inputTokens,
      output_tokens: outputTokens,
      ...(isDetailed ? { output_tokens_details: { thinking_tokens: this.#thinkingTokens } } : {}),
      ...(this.#serverToolUse === undefined ? {} : { server_tool_use: this.#serverToolUse }),
      ...(iterations.length > 1 ? { iterations } : {}),
    };
  }

  #tokensOf(block: JsonObject): number {
    return Math.round(tokensOfBlock(block, tokenCostsOf(this.#request.model)));
  }

  /** The model goes on with the summary instead of what it stands for. */
  #addCompaction(summaryTokens: number): void {
    const inputTokens = this.#promptTokens;
    this.#iterations.push({ type: 'compaction', inputTokens, outputTokens: summaryTokens });
    this.#promptTokens = summaryTokens;
    this.#contentTokens = 0;
    this.#inputTokens = summaryTokens;
    this.#current = { type: 'message', inputTokens: summaryTokens, outputTokens: 0 };
  }

  /** Another model begins anew; what the first has read does not count as input of the answer. */
  #addFallback({ from, to }: JsonObject): void {
    this.#iterations.push({ ...this.#current, model: modelIn(from) });
    const inputTokens = this.#promptTokens;
    this.#current = { type: 'fallback_message', model: modelIn(to), inputTokens, outputTokens: 0 };
  }

  #addResult(type: string, resultTokens: number): void {
    const use = (this.#serverToolUse ??= { web_search_requests: 0, web_fetch_requests: 0 });
    if (type === 'web_search_tool_result') use.web_search_requests += 1;
    if (type === 'web_fetch_tool_result') use.web_fetch_requests += 1;
    const inputTokens = this.#promptTokens + this.#contentTokens;
    this.#inputTokens += inputTokens;
    if (type !== 'advisor_tool_result') {
      this.#current.inputTokens += inputTokens;
      return;
    }
    const { serverTools } = this.#request.offers;
    const advisor = serverTools.find(({ name }) => name === 'advisor')?.['model'];
    const model = typeof advisor === 'string' ? advisor : usualAdvisor;
    const advice: Iteration = { type: 'advisor_message', model, inputTokens, outputTokens: resultTokens };
    this.#iterations.push(this.#current, advice);
    this.#current = { type: 'message', inputTokens, outputTokens: 0 };
  }
}

function modelIn(value: unknown): string | undefined {
  return isObject(value) && typeof value['model'] === 'string' ? value['model'] : undefined;
}

function toWireIteration({ type, model, inputTokens, outputTokens }: Iteration): object {
  return {
    input_tokens: inputTokens,
    output_tokens: outputTokens,
    cache_read_input_tokens: 0,
    cache_creation_input_tokens: 0,
    cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
    type,
    ...(model === undefined ? {} : { model }),
  };
}
