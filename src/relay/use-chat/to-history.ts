// UI messages as turns of the Messages API. What the API would refuse is left out: texts of white space, thinking
// without its signature, calls that broke off. A call that nobody has carried out gets a result that says so.

import { isJsonObject } from '../json-object.ts';
import type { JsonObject } from '../json-object.ts';
import { RequestError } from '../request-error.ts';
import { toUserBlock } from './to-user-block.ts';
import { toolBlocks } from './tool-blocks.ts';

interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: JsonObject[];
}

export interface History {
  /** The texts of system messages. */
  readonly system: string;
  readonly turns: readonly Turn[];
}

/** Throws RequestError for what cannot be sent, and for messages that leave nothing to answer. */
export function toHistory(messages: readonly JsonObject[]): History {
  const turns: Turn[] = [];
  const system: string[] = [];
  for (const [index, message] of messages.entries()) {
    const parts = partsOf(message);
    const place = `messages[${index}]`;
    if (message['role'] === 'user') add(turns, 'user', userBlocks(parts, place));
    else if (message['role'] === 'assistant') addAnswer(turns, parts, place);
    else if (message['role'] === 'system') system.push(parts.map(textOf).filter(isSaying).join('\n\n'));
    else throw new RequestError(400, `${place}.role: must be user, assistant or system`);
  }
  if (turns.at(-1)?.role !== 'user')
    throw new RequestError(400, 'messages: there is nothing to answer, the last message must say something');
  return { system: system.filter(isSaying).join('\n\n'), turns };
}

/** Turns alternate: what has the role of the turn before is part of it. */
function add(turns: Turn[], role: Turn['role'], content: readonly JsonObject[]): void {
  if (content.length === 0) return;
  const last = turns.at(-1);
  // There can be more of them than a call may have arguments.
  if (last?.role === role) for (const block of content) last.content.push(block);
  else turns.push({ role, content: [...content] });
}

function userBlocks(parts: readonly JsonObject[], place: string): JsonObject[] {
  return parts.flatMap((part, index) => listOf(toUserBlock(part, `${place}.parts[${index}]`)));
}

/** Each step is a turn, and the results of its calls are the next one. */
function addAnswer(turns: Turn[], parts: readonly JsonObject[], place: string): void {
  let said: JsonObject[] = [];
  let results: JsonObject[] = [];
  const flush = (): void => {
    // A turn that thinks and says nothing was broken off.
    if (said.some(({ type }) => type !== 'thinking' && type !== 'redacted_thinking'))
      add(turns, 'assistant', said);
    add(turns, 'user', results);
    said = [];
    results = [];
  };
  for (const part of parts) {
    if (part['type'] === 'step-start') flush();
    else if (part['type'] === 'steering-message') {
      flush();
      add(turns, 'user', userBlocks(partsOf(part), place));
    } else {
      const blocks = answerBlocks(part);
      said.push(...blocks.said);
      results.push(...blocks.results);
    }
  }
  flush();
}

interface AnswerBlocks {
  readonly said: readonly JsonObject[];
  /** Of the page's own tools, for the turn behind. */
  readonly results: readonly JsonObject[];
}

function answerBlocks(part: JsonObject): AnswerBlocks {
  const { type, data } = part;
  if (type === 'text') return said(isSaying(textOf(part)) ? textBlock(part) : undefined);
  if (type === 'reasoning') return said(thinkingBlock(part));
  if (type === 'data-block')
    return said(isJsonObject(data) && typeof data['type'] === 'string' ? data : undefined);
  if (type === 'dynamic-tool' || (typeof type === 'string' && type.startsWith('tool-')))
    return toolBlocks(part);
  // Sources are in the citations; other data is the page's own.
  return said(undefined);
}

function said(block: JsonObject | undefined): AnswerBlocks {
  return { said: listOf(block), results: [] };
}

function listOf(block: JsonObject | undefined): readonly JsonObject[] {
  return block === undefined ? [] : [block];
}

function textBlock(part: JsonObject): JsonObject {
  const { citations } = anthropicOf(part);
  const cited = Array.isArray(citations) && citations.length > 0 ? { citations } : {};
  return { type: 'text', text: textOf(part), ...cited };
}

function thinkingBlock(part: JsonObject): JsonObject | undefined {
  const { signature, redactedData } = anthropicOf(part);
  if (typeof redactedData === 'string') return { type: 'redacted_thinking', data: redactedData };
  return typeof signature === 'string' ? { type: 'thinking', thinking: textOf(part), signature } : undefined;
}

function anthropicOf({ providerMetadata }: JsonObject): JsonObject {
  const own = isJsonObject(providerMetadata) ? providerMetadata['anthropic'] : undefined;
  return isJsonObject(own) ? own : {};
}

function partsOf({ parts }: JsonObject): readonly JsonObject[] {
  return Array.isArray(parts) ? parts.filter(isJsonObject) : [];
}

function textOf({ text }: JsonObject): string {
  return typeof text === 'string' ? text : '';
}

function isSaying(text: string): boolean {
  return text.trim() !== '';
}
