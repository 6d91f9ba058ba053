// What a request lets the API do itself: its own tools, MCP servers, a container, other models, edits of the context.
// Only what is of the right shape is looked at; the rest has no effect.

import type { Block } from './answer-part.ts';
import type { JsonObject } from './json-object.ts';
import type { Offers } from './messages-request.ts';
import { isObject } from './validate-value.ts';

export function parseOffers(body: JsonObject): Offers {
  const { container, context_management: management } = body;
  const id = isObject(container) ? container['id'] : container;
  return {
    serverTools: objectsIn(body['tools']).filter(isServerTool),
    mcpServers: namesIn(body['mcp_servers'], 'name'),
    container: typeof id === 'string' ? id : undefined,
    fallbacks: namesIn(body['fallbacks'], 'model'),
    contextEdits: isObject(management) ? objectsIn(management['edits']) : undefined,
  };
}

/** The API's own tools have a dated type. */
function isServerTool(tool: JsonObject): tool is Block {
  return typeof tool['type'] === 'string' && /_\d{8}$/.test(tool['type']);
}

function objectsIn(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function namesIn(value: unknown, field: string): string[] {
  return objectsIn(value).flatMap(({ [field]: name }) => (typeof name === 'string' ? [name] : []));
}
