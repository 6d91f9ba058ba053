// How an answer that broke off in its middle is gone on with: what of it stays, and what the model is asked.
// Text goes on; a tool input or thinking that was open cannot, and is dropped and written anew.

import type { ContentBlock, DeepReadonly } from '../protocol/index.ts';
import { demandCount, demandNotNegative, overlay } from './demand.ts';
import type { MessageParam, MessageParams } from './message-params.ts';

export interface RecoverOptions {
  /** How often one answer is gone on with. Default 2. */
  maxRecoveries: number;
  /** The most input tokens that recoveries may take beyond those of the first attempt. Default no limit. */
  maxExtraTokens: number;
}

const defaults: RecoverOptions = { maxRecoveries: 2, maxExtraTokens: Infinity };

const rules = { maxRecoveries: demandCount, maxExtraTokens: demandNotNegative };

/** `true` is the defaults. Throws a RangeError for a value out of range. */
export function resolveRecover(
  own: boolean | Partial<RecoverOptions> | undefined,
): RecoverOptions | undefined {
  if (own === undefined || own === false) return undefined;
  return overlay(defaults, own === true ? {} : own, { group: 'recover', rules });
}

/** How a model is asked to go on: models up to 4.5 take the beginning of their answer as such, later ones do not. */
export type ContinuationMode = 'prefill' | 'turn';

/** What there is of an answer that broke off. */
export interface BrokenAnswer {
  readonly params: MessageParams;
  readonly blocks: readonly DeepReadonly<ContentBlock>[];
  /** Whether the last block had not ended. */
  readonly isLastOpen: boolean;
}

export interface RecoveryPlan {
  /** How many of the blocks stay. */
  readonly keptBlocks: number;
  /** What is asked next. */
  readonly params: MessageParams;
  /** The text that is gone on with; undefined when the answer begins anew. */
  readonly before: string | undefined;
  /** What was at the end of that text and is not in the request: white space before a prefill, half a character. */
  readonly heldBack: string;
  readonly mode: ContinuationMode;
}

/**
 * Undefined when the answer cannot be gone on with: a finished tool call may be running already; a JSON answer
 * with a schema, or cited text, cannot be joined.
 */
export function planRecovery(broken: BrokenAnswer, mode: ContinuationMode): RecoveryPlan | undefined {
  const { params, blocks, isLastOpen } = broken;
  const lastText = blocks.findLastIndex((block) => textOf(block).trim() !== '');
  const closed = isLastOpen ? blocks.slice(0, -1) : blocks;
  if (closed.some(({ type }) => type === 'tool_use')) return undefined;
  if (lastText < 0) return { keptBlocks: 0, params, before: undefined, heldBack: '', mode };
  const kept = blocks.slice(0, lastText + 1);
  if (hasSchema(params) || kept.some(isCited)) return undefined;
  const before = textOf(kept[lastText]);
  const isPrefill = mode === 'prefill' && !isThinking(params);
  // Half a character, as a gateway that escapes it may cut one, is nothing to go on from.
  const whole = before.replace(/[\uD800-\uDBFF]$/, '');
  const sent = isPrefill ? whole.trimEnd() : whole;
  return {
    keptBlocks: kept.length,
    params: {
      ...params,
      max_tokens: tokensLeft(params, kept),
      messages: continued(broken, kept, { sent, isPrefill }),
    },
    before,
    heldBack: before.slice(sent.length),
    mode: isPrefill ? 'prefill' : 'turn',
  };
}

/** Unknown models are asked in the way that every model takes. */
export function continuationModeOf(model: string): ContinuationMode {
  const [, major, minor] = /(?:^|[^a-z])claude-(?:[a-z]+-)?(\d)(?!\d)(?:-(\d)(?!\d))?/.exec(model) ?? [];
  return Number(`${major}.${minor ?? 0}`) <= 4.5 ? 'prefill' : 'turn';
}

/** Whether an error says that the model takes no prefill. */
export function isPrefillRefusal(message: string): boolean {
  return /assistant message prefill|must end with a user message/i.test(message);
}

function continued(
  { params }: BrokenAnswer,
  kept: readonly DeepReadonly<ContentBlock>[],
  { sent, isPrefill }: { sent: string; isPrefill: boolean },
): MessageParam[] {
  const messages = [...params.messages];
  // A conversation that ends with a prefill of the caller's own: the answer goes on in that turn.
  const own = messages.at(-1)?.role === 'assistant' ? messages.pop() : undefined;
  const begun =
    typeof own?.content === 'string' ? [{ type: 'text', text: own.content }] : (own?.content ?? []);
  const blocks = kept.filter((block, index) => index === kept.length - 1 || !isBlank(block));
  const last = { ...blocks.pop(), type: 'text', text: sent };
  messages.push({ role: 'assistant', content: [...begun, ...blocks, last] as MessageParam['content'] });
  if (!isPrefill) messages.push({ role: 'user', content: goOn(sent) });
  return messages;
}

/** How much of the end is quoted. */
const quotedLength = 400;

function goOn(sent: string): string {
  // Not from the middle of a character of two units.
  const quoted = sent.slice(-quotedLength).replace(/^[\uDC00-\uDFFF]/, '');
  return (
    `Your previous response was interrupted and ended with:\n\n${quoted}\n\n` +
    'Continue from exactly where it stopped. Do not repeat any of it, and add no preamble.'
  );
}

/** The API takes no text block without text. */
function isBlank(block: DeepReadonly<ContentBlock>): boolean {
  return block.type === 'text' && textOf(block).trim() === '';
}

/** Characters of a token, rather too many: what is left is rather more than the limit than less. */
const charactersPerToken = 4;

function tokensLeft(
  { max_tokens, thinking }: MessageParams,
  kept: readonly DeepReadonly<ContentBlock>[],
): number {
  const characters = kept.reduce((sum, block) => sum + lengthOf(block), 0);
  const { budget_tokens: budget = 0 } = (thinking ?? {}) as { budget_tokens?: number };
  // A thinking budget must stay below the limit.
  return Math.max(max_tokens - Math.floor(characters / charactersPerToken), budget + 1);
}

function lengthOf(block: DeepReadonly<ContentBlock>): number {
  const { thinking } = block as { thinking?: unknown };
  return typeof thinking === 'string' ? thinking.length : textOf(block).length;
}

function isThinking({ thinking }: MessageParams): boolean {
  const { type } = (thinking ?? {}) as { type?: string };
  return type !== undefined && type !== 'disabled';
}

function hasSchema({ output_config, output_format }: MessageParams): boolean {
  return output_format != null || (output_config as { format?: unknown } | undefined)?.format != null;
}

function isCited(block: DeepReadonly<ContentBlock>): boolean {
  const { citations } = block as { citations?: readonly unknown[] | null };
  return citations != null && citations.length > 0;
}

function textOf(block: DeepReadonly<ContentBlock> | undefined): string {
  return block?.type === 'text' ? (block as { text: string }).text : '';
}
