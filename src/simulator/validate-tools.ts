// The tools of a request, and the choice among them.

import { invalidRequest } from './api-errors.ts';
import type { JsonObject } from './json-object.ts';
import type { ToolChoice, ToolDefinition } from './messages-request.ts';
import { checkStrictTools } from './validate-strict-tools.ts';
import { unknownTag } from './validate-block.ts';
import { checkCacheControl } from './validate-cache-control.ts';
import {
  refuseOthers,
  requireList,
  requireObject,
  requireString,
  requireTagged,
  requireText,
} from './validate-value.ts';

/** The tools the caller runs itself; those of other types are the API's own and never called here. */
export function parseTools(value: unknown): ToolDefinition[] {
  if (value === undefined) return [];
  const list = requireList(value, 'tools');
  const tools = list.map((tool, index) => parseTool(tool, `tools.${index}`));
  const own = tools.filter((tool) => tool !== undefined);
  if (new Set(own.map(({ name }) => name)).size < own.length) {
    throw invalidRequest('tools: Tool names must be unique.');
  }
  checkStrictTools(list);
  return own;
}

/** Every field a tool of the caller's may have. Source: the official SDK's types, betas included. */
const customFields = new Set([
  'allowed_callers',
  'cache_control',
  'defer_loading',
  'description',
  'eager_input_streaming',
  'input_examples',
  'input_schema',
  'name',
  'strict',
  'type',
]);

function parseTool(value: unknown, path: string): ToolDefinition | undefined {
  const tool = requireTagged(value, path);
  checkCacheControl(tool['cache_control'], `${path}.custom.cache_control`);
  if (tool['type'] != null && tool['type'] !== 'custom') return undefined;
  refuseOthers(tool, `${path}.custom.`, customFields);
  const name = requireText(tool['name'], `${path}.custom.name`);
  if (name.length > 128) {
    throw invalidRequest(`${path}.custom.name: String should have at most 128 characters`);
  }
  if (!/^[a-zA-Z0-9_-]{1,128}$/.test(name)) {
    throw invalidRequest(`${path}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'`);
  }
  if (tool['description'] !== undefined) requireString(tool['description'], `${path}.custom.description`);
  const schemaPath = `${path}.custom.input_schema`;
  const schema = requireObject(tool['input_schema'], schemaPath);
  if (requireString(schema['type'], `${schemaPath}.type`) !== 'object') {
    throw invalidRequest(`${schemaPath}.type: Input should be 'object'`);
  }
  return { name, schema };
}

export function parseToolChoice(value: unknown, tools: unknown): ToolChoice {
  if (value === undefined) return { type: 'auto' };
  const choice = requireTagged(value, 'tool_choice');
  const { type } = choice;
  if (type === 'none') return { type };
  const isSingle = isParallelDisabled(choice);
  if (type === 'auto') return { type, isSingle };
  if (type !== 'any' && type !== 'tool') {
    const found = requireString(type, 'tool_choice.type');
    throw invalidRequest(`tool_choice: ${unknownTag(found, ['auto', 'any', 'tool', 'none'])}`);
  }
  const offered = Array.isArray(tools) ? tools : [];
  if (type === 'any') {
    if (offered.length > 0) return { type, isSingle };
    throw invalidRequest('tool_choice.any may only be specified while providing tools');
  }
  const name = requireString(choice['name'], 'tool_choice.tool.name');
  if (!offered.some((tool: { name?: unknown }) => tool.name === name)) {
    throw invalidRequest(`Tool '${name}' not found in provided tools`);
  }
  return { type, name, isSingle };
}

function isParallelDisabled({ type, disable_parallel_tool_use: isDisabled }: JsonObject): boolean {
  if (isDisabled === undefined || typeof isDisabled === 'boolean') return isDisabled === true;
  throw invalidRequest(
    `tool_choice.${String(type)}.disable_parallel_tool_use: Input should be a valid boolean`,
  );
}
