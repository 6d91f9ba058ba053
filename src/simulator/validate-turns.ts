// The conversation of a request: its roles, its content blocks, and that every tool call has its result.

import { invalidRequest } from './api-errors.ts';
import type { JsonObject } from './json-object.ts';
import { textsOf } from './messages-request.ts';
import type { InputBlock, Turn } from './messages-request.ts';
import { requireList, requireObject, requireString, requireValue } from './validate-value.ts';

/** Every type of block a message may hold, and the fields it must have. Source: the official SDK's types. */
const requiredFields: Readonly<Record<string, readonly string[]>> = {
  advisor_tool_result: ['tool_use_id', 'content'],
  bash_code_execution_tool_result: ['tool_use_id', 'content'],
  code_execution_tool_result: ['tool_use_id', 'content'],
  compaction: [],
  container_upload: ['file_id'],
  document: ['source'],
  fallback: [],
  image: ['source'],
  mcp_tool_listing: [],
  mcp_tool_result: ['tool_use_id'],
  mcp_tool_use: ['id', 'name', 'input'],
  redacted_thinking: ['data'],
  search_result: ['content', 'source', 'title'],
  server_tool_use: ['id', 'name', 'input'],
  text: ['text'],
  text_editor_code_execution_tool_result: ['tool_use_id', 'content'],
  thinking: ['thinking', 'signature'],
  tool_addition: [],
  tool_removal: [],
  tool_result: ['tool_use_id'],
  tool_search_tool_result: ['tool_use_id', 'content'],
  tool_use: ['id', 'name', 'input'],
  web_fetch_tool_result: ['tool_use_id', 'content'],
  web_search_tool_result: ['tool_use_id', 'content'],
};

type Message = Omit<Turn, 'role'> & { readonly role: Turn['role'] | 'system' };

/** Throws an ApiError; the turns returned are as the model would see them: roles alternate. */
export function parseTurns(value: unknown): Turn[] {
  const list = requireList(value, 'messages');
  if (list.length === 0) throw invalidRequest('messages: at least one message is required');
  const messages = list.map((message, index) => parseMessage(message, `messages.${index}`));
  messages.forEach((message, index) => {
    const isOptional = index === messages.length - 1 && message.role === 'assistant';
    if (message.content.length === 0 && !isOptional) throw invalidRequest(`messages.${index}: ${noContent}`);
  });
  const turns = mergeRoles(messages);
  const calls = new Set<unknown>();
  turns.forEach((turn, index) => {
    checkToolPairs(turns, turn, index);
    checkServerTools(turn, index, calls);
  });
  return turns;
}

const noContent = 'all messages must have non-empty content except for the optional final assistant message';

/** What models with prefill demand of it, and that the others get none but the beginning of a turn that paused. */
export function checkFinalTurn(turns: readonly Turn[], takesPrefill: boolean): void {
  const last = turns.at(-1);
  const type = last?.content.at(-1)?.type ?? '';
  if (last?.role !== 'assistant' || isPaused(type)) return;
  if (!takesPrefill) {
    throw invalidRequest(
      'This model does not support assistant message prefill. The conversation must end with a user message.',
    );
  }
  if (type === 'text' && /\s$/.test(textsOf(last).at(-1) ?? '')) {
    throw invalidRequest('messages: final assistant content cannot end with trailing whitespace');
  }
}

/** Whether the API has stopped behind such a block to be asked again: in a run of its own tools, or a compaction. */
function isPaused(type: string): boolean {
  return type === 'server_tool_use' || type === 'compaction' || type.endsWith('_tool_result');
}

function parseMessage(value: unknown, path: string): Message {
  const { role, content } = requireObject(value, path);
  requireString(role, `${path}.role`);
  if (role !== 'user' && role !== 'assistant' && role !== 'system') {
    throw invalidRequest(
      `messages: Unexpected role "${String(role)}". Allowed roles are "user" or "assistant"`,
    );
  }
  return { role, content: parseContent(content, `${path}.content`) };
}

function parseContent(value: unknown, path: string): InputBlock[] {
  if (typeof value === 'string') return value === '' ? [] : [{ type: 'text', text: value }];
  return requireList(value, path).map((block, index) => parseBlock(block, `${path}.${index}`));
}

function parseBlock(value: unknown, path: string): InputBlock {
  const block = requireObject(value, path);
  const type = requireString(block['type'], `${path}.type`);
  const required = Object.hasOwn(requiredFields, type) ? requiredFields[type] : undefined;
  if (required === undefined) {
    const tags = Object.keys(requiredFields).map((tag) => `'${tag}'`);
    throw invalidRequest(
      `${path}: Input tag '${type}' found using 'type' does not match any of the expected tags: ${tags.join(', ')}`,
    );
  }
  for (const field of required) requireValue(block[field], `${path}.${type}.${field}`);
  checkId(block, path);
  if (block['text'] === '') throw invalidRequest('messages: text content blocks must be non-empty');
  return { ...block, type };
}

/** The form that the id of each kind of call has. Vertex and Bedrock have a word between the two parts of theirs. */
const idForms: Readonly<Record<string, RegExp>> = {
  tool_use: /^[a-zA-Z0-9_-]+$/,
  server_tool_use: /^srvtoolu_[a-zA-Z0-9_]+$/,
};

function checkId({ type, id }: JsonObject, path: string): void {
  const form = idForms[String(type)];
  if (form === undefined || (typeof id === 'string' && form.test(id))) return;
  throw invalidRequest(`${path}.${String(type)}.id: String should match pattern '${form.source}'`);
}

/** Joins consecutive messages of one role, as the API does; system messages stand outside the turns. */
function mergeRoles(messages: readonly Message[]): Turn[] {
  const turns: { role: Turn['role']; content: InputBlock[] }[] = [];
  for (const { role, content } of messages) {
    if (role === 'system') continue;
    const last = turns.at(-1);
    if (last?.role === role) for (const block of content) last.content.push(block);
    else turns.push({ role, content: [...content] });
  }
  return turns;
}

function checkToolPairs(turns: readonly Turn[], turn: Turn, index: number): void {
  const offered = idsOf(turns[index - 1], 'tool_use', 'id');
  turn.content.forEach(({ type, tool_use_id: id }, position) => {
    if (type !== 'tool_result' || offered.includes(id)) return;
    throw invalidRequest(
      `messages.${index}.content.${position}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ` +
        `${String(id)}. Each \`tool_result\` block must have a corresponding \`tool_use\` block in the previous message.`,
    );
  });
  const answered = idsOf(turns[index + 1], 'tool_result', 'tool_use_id');
  const missing = idsOf(turn, 'tool_use', 'id').filter((id) => !answered.includes(id));
  if (missing.length === 0) return;
  throw invalidRequest(
    `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ` +
      `${missing.join(', ')}. Each \`tool_use\` block must have a corresponding \`tool_result\` block in the next message.`,
  );
}

/** A result stands behind its call. `calls` has the ids of those before the turn, and gets those in it. */
function checkServerTools({ content }: Turn, index: number, calls: Set<unknown>): void {
  content.forEach(({ type, id, tool_use_id: of }, position) => {
    if (type === 'server_tool_use' || type === 'mcp_tool_use') calls.add(id);
    if (!type.endsWith('_tool_result') || calls.has(of)) return;
    const call = type === 'mcp_tool_result' ? 'mcp_tool_use' : 'server_tool_use';
    throw invalidRequest(
      `messages.${index}.content.${position}: unexpected \`tool_use_id\` found in \`${type}\` blocks: ${String(of)}. ` +
        `Each \`${type}\` block must have a corresponding \`${call}\` block before it.`,
    );
  });
}

function idsOf(turn: Turn | undefined, type: string, field: string): unknown[] {
  return (turn?.content ?? []).filter((block) => block.type === type).map((block) => block[field]);
}
