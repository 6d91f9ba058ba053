// The tools of a request, and the choice among them.

import { invalidRequest } from './api-errors.ts';
import type { ToolChoice, ToolDefinition } from './messages-request.ts';
import { checkStrictTools } from './validate-strict-tools.ts';
import { requireList, requireObject, requireString } from './validate-value.ts';

/** The tools the caller runs itself; those of other types are the API's own and never called here. */
export function parseTools(value: unknown): ToolDefinition[] {
  if (value == null) return [];
  const list = requireList(value, 'tools');
  const tools = list.map((tool, index) => parseTool(tool, `tools.${index}`));
  const own = tools.filter((tool) => tool !== undefined);
  if (new Set(own.map(({ name }) => name)).size < own.length) {
    throw invalidRequest('tools: Tool names must be unique.');
  }
  checkStrictTools(list);
  return own;
}

function parseTool(value: unknown, path: string): ToolDefinition | undefined {
  const tool = requireObject(value, path);
  if (tool['type'] != null && tool['type'] !== 'custom') return undefined;
  const name = requireString(tool['name'], `${path}.custom.name`);
  if (!/^[a-zA-Z0-9_-]{1,128}$/.test(name)) {
    throw invalidRequest(`${path}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'`);
  }
  const schemaPath = `${path}.custom.input_schema`;
  const schema = requireObject(tool['input_schema'], schemaPath);
  if (requireString(schema['type'], `${schemaPath}.type`) !== 'object') {
    throw invalidRequest(`${schemaPath}.type: Input should be 'object'`);
  }
  return { name, schema };
}

export function parseToolChoice(value: unknown, tools: unknown): ToolChoice {
  if (value == null) return { type: 'auto' };
  const choice = requireObject(value, 'tool_choice');
  const { type } = choice;
  if (type === 'auto' || type === 'none') return { type };
  if (type !== 'any' && type !== 'tool') {
    const found = requireString(type, 'tool_choice.type');
    throw invalidRequest(
      `tool_choice: Input tag '${found}' found using 'type' does not match any of the expected tags: 'auto', 'any', 'tool', 'none'`,
    );
  }
  const offered = Array.isArray(tools) ? tools : [];
  if (offered.length === 0) {
    throw invalidRequest('tool_choice: tool_choice may only be specified while providing tools.');
  }
  if (type === 'any') return { type };
  const name = requireString(choice['name'], 'tool_choice.tool.name');
  if (!offered.some((tool: { name?: unknown }) => tool.name === name)) {
    throw invalidRequest(`Tool '${name}' not found in provided tools`);
  }
  return { type, name };
}
