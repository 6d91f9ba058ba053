// A request as the model would read it, from the first tool to the last block, with what each part counts. The
// constants are from recorded usage, with its model's generation where that matters.

import { countText } from './count-text.ts';
import type { JsonObject } from './json-object.ts';
import { tokenCostsOf } from './token-costs.ts';
import type { TokenCosts } from './token-costs.ts';
import { isObject } from './validate-value.ts';

export interface PromptPart {
  /** The part in print: equal parts are the same to the model. */
  readonly text: string;
  /** Not rounded. */
  readonly tokens: number;
  readonly cacheControl: unknown;
}

/** Beyond their text: a request, a turn behind the first, a call with its input, its result. */
const requestTokens = 7.4;
const turnTokens = 3.8;
const callTokens = 20;
const resultTokens = 21;
/** What an image or a document given as data counts for, however large. */
const attachmentTokens = 1500;
/** What a thinking budget adds. */
const budgetTokens = 29;

/** The body of a request that was found valid. */
export function toPromptParts(body: JsonObject, model: string): PromptPart[] {
  const costs = tokenCostsOf(model);
  const parts = [...toolParts(body, costs), ...systemParts(body['system'], costs), ...turnParts(body, costs)];
  const [first] = parts;
  const last = parts.at(-1);
  // On the request itself it stands for one on its last block.
  if (last !== undefined && last.cacheControl == null && body['cache_control'] != null) {
    parts[parts.length - 1] = { ...last, cacheControl: body['cache_control'] };
  }
  if (first !== undefined) parts[0] = { ...(parts[0] ?? first), tokens: first.tokens + requestTokens };
  return parts;
}

export function sumTokens(parts: readonly PromptPart[]): number {
  return Math.round(parts.reduce((total, { tokens }) => total + tokens, 0));
}

function* toolParts({ tools }: JsonObject, costs: TokenCosts): Generator<PromptPart> {
  if (!Array.isArray(tools)) return;
  let extra = costs.toolTokens;
  for (const tool of tools as readonly JsonObject[]) {
    const { name, description, input_schema: schema } = tool;
    const tokens =
      extra + countText(JSON.stringify({ name, description, input_schema: schema })) * costs.scale;
    yield toPart('tool', tool, tokens);
    extra = 0;
  }
}

function* systemParts(system: unknown, costs: TokenCosts): Generator<PromptPart> {
  for (const block of toBlocks(system)) yield toPart('system', block, tokensOfBlock(block, costs));
}

function* turnParts(body: JsonObject, costs: TokenCosts): Generator<PromptPart> {
  // Before the turns, and behind tools and system, which stay as they are whatever it says.
  let setting = toSetting(body);
  let extra = settingTokens(body, costs);
  for (const { role, content } of sinceCompaction(body['messages'] as readonly JsonObject[])) {
    for (const block of toBlocks(content)) {
      yield toPart(`${setting}${String(role)}`, block, extra + tokensOfBlock(block, costs));
      setting = '';
      extra = 0;
    }
    extra = turnTokens;
  }
}

/** How tools and thinking are to be used, in print. */
function toSetting({ tool_choice: choice, thinking }: JsonObject): string {
  const { type: how = 'auto', name } = toObject(choice);
  const { type: kind = 'disabled', budget_tokens: budget } = toObject(thinking);
  return `${JSON.stringify([how, name, kind, budget])} `;
}

function settingTokens({ tools, tool_choice: choice, thinking }: JsonObject, costs: TokenCosts): number {
  const { type } = toObject(choice);
  const isForced = Array.isArray(tools) && (type === 'any' || type === 'tool');
  const isBudgeted = toObject(thinking)['type'] === 'enabled';
  return (isForced ? costs.forcedToolTokens - costs.toolTokens : 0) + (isBudgeted ? budgetTokens : 0);
}

function toObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** What stands before the last compaction is not read any more. */
function sinceCompaction(messages: readonly JsonObject[]): readonly JsonObject[] {
  const isCompaction = ({ type }: JsonObject): boolean => type === 'compaction';
  const first = messages.findLastIndex(({ content }) => toBlocks(content).some(isCompaction));
  const message = messages[first];
  if (message === undefined) return messages;
  const blocks = toBlocks(message['content']);
  const content = blocks.slice(blocks.findLastIndex(isCompaction));
  return [{ ...message, content }, ...messages.slice(first + 1)];
}

function toBlocks(content: unknown): readonly JsonObject[] {
  if (typeof content === 'string') return [{ type: 'text', text: content }];
  return Array.isArray(content) ? (content as readonly JsonObject[]) : [];
}

function toPart(
  place: string,
  { cache_control: cacheControl, ...value }: JsonObject,
  tokens: number,
): PromptPart {
  const { content } = value;
  if (!Array.isArray(content)) return { text: `${place} ${JSON.stringify(value)}`, tokens, cacheControl };
  // Marks within a result are the result's: where they stand is no part of what is read.
  const marks = (content as readonly unknown[]).map((item) => isObject(item) && item['cache_control']);
  const text = JSON.stringify({ ...value, content: content.map(withoutMark) });
  return {
    text: `${place} ${text}`,
    tokens,
    cacheControl: cacheControl ?? marks.findLast((mark) => isObject(mark)),
  };
}

function withoutMark(item: unknown): unknown {
  if (!isObject(item)) return item;
  const { cache_control: _, ...block } = item;
  return block;
}

/** What a type of block costs beyond its text; thinking of earlier turns is not read again. */
const blockTokens: Readonly<Record<string, number>> = {
  tool_use: callTokens,
  server_tool_use: callTokens,
  mcp_tool_use: callTokens,
  tool_result: resultTokens,
};
const unread = new Set(['thinking', 'redacted_thinking']);

/** Not rounded. */
export function tokensOfBlock(block: JsonObject, { scale }: TokenCosts): number {
  const type = String(block['type']);
  if (unread.has(type)) return 0;
  const { input, ...rest } = block;
  const inputTokens = isObject(input) ? countText(JSON.stringify(input)) : 0;
  const ownTokens = type.endsWith('_tool_result') ? resultTokens : (blockTokens[type] ?? 0);
  return ownTokens + (inputTokens + countStrings(rest)) * scale;
}

/** Every string counts, except ids, discriminators, and what stands beside the `media_type` of anything but text. */
function countStrings(value: unknown): number {
  let tokens = 0;
  JSON.stringify(value, (key, item: unknown) => {
    if (free.has(key)) return undefined;
    if (encrypted.has(key)) tokens += String(item).length / charactersPerEncryptedToken;
    else if (typeof item === 'string') tokens += countText(item);
    if (!isObject(item) || !('media_type' in item) || item['type'] === 'text') return item;
    tokens += attachmentTokens;
    return undefined;
  });
  return tokens;
}

/** The API counts no text that it cites from what it was given. */
const free = new Set([
  'type',
  'id',
  'role',
  'tool_use_id',
  'signature',
  'cache_control',
  'cited_text',
  'encrypted_index',
  'media_type',
  'caller',
]);

/** Base64 of a text that was packed: nobody outside knows how much it says. */
const encrypted = new Set(['encrypted_content', 'encrypted_stdout']);
const charactersPerEncryptedToken = 6;
