// A call of a tool in a UI message, and its result, as blocks of the Messages API.

import { isJsonObject } from '../json-object.ts';
import type { JsonObject } from '../json-object.ts';

export interface ToolBlocks {
  /** The call; of a tool that the API runs its result as well. */
  readonly said: readonly JsonObject[];
  /** What a page's tool gave, for the turn behind. */
  readonly results: readonly JsonObject[];
}

const nothing: ToolBlocks = { said: [], results: [] };

/** What a call is told that has no result: the answer was stopped, or the page has forgotten it. */
const notCarriedOut = 'This call was not carried out';

export function toolBlocks(part: JsonObject): ToolBlocks {
  const { toolCallId, state } = part;
  const input = part['input'] ?? part['rawInput'];
  // The beginning of a call is nothing to go on from, and the API takes objects alone.
  if (state === 'input-streaming' || typeof toolCallId !== 'string' || !isJsonObject(input)) return nothing;
  const { type = 'tool_use', ...others } = blockOf(part['callProviderMetadata']);
  const name =
    part['type'] === 'dynamic-tool' ? part['toolName'] : String(part['type']).slice('tool-'.length);
  const call = { type, id: toolCallId, name, input, ...others };
  if (part['providerExecuted'] !== true) return { said: [call], results: [pageResult(part, toolCallId)] };
  const result = serverResult(part, toolCallId);
  // The API takes none of its own calls without the result.
  return result === undefined ? nothing : { said: [call, result], results: [] };
}

function serverResult(part: JsonObject, tool_use_id: string): JsonObject | undefined {
  const { type, ...others } = blockOf(part['resultProviderMetadata']);
  if (typeof type !== 'string') return undefined;
  const given = part['state'] === 'output-available' ? { content: part['output'] } : {};
  return { type, tool_use_id, ...given, ...others };
}

function pageResult(part: JsonObject, tool_use_id: string): JsonObject {
  const { state, output, errorText, approval } = part;
  const result = { type: 'tool_result', tool_use_id };
  if (state === 'output-available') return { ...result, ...contentOf(output) };
  if (state === 'output-error')
    return { ...result, ...contentOf(errorText ?? 'The tool failed'), is_error: true };
  const reason = state === 'output-denied' && isJsonObject(approval) ? approval['reason'] : undefined;
  return { ...result, ...contentOf(reason ?? notCarriedOut), is_error: true };
}

/** The API takes no empty text. */
function contentOf(output: unknown): JsonObject {
  const text = typeof output === 'string' ? output : JSON.stringify(output);
  return text === undefined || text.trim() === '' ? {} : { content: text };
}

function blockOf(metadata: unknown): JsonObject {
  const own = isJsonObject(metadata) ? metadata['millrace'] : undefined;
  const block = isJsonObject(own) ? own['block'] : undefined;
  return isJsonObject(block) ? block : {};
}
