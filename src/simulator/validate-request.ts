// A request body to what the answer depends on, or the error the API has for it. Most texts are recorded; where
// none is, the text follows the form of the others. Left out: what depends on a beta or on a real signature.

import type { JsonObject } from './json-object.ts';
import { apiError, invalidRequest } from './api-errors.ts';
import type { MessagesRequest } from './messages-request.ts';
import { limitsOf, resolveModel, takesPrefill } from './models.ts';
import { parseOffers } from './parse-offers.ts';
import { uncached } from './prompt-cache.ts';
import { sumTokens, toPromptParts } from './prompt-parts.ts';
import type { PromptPart } from './prompt-parts.ts';
import { checkCacheControl, checkCacheOrder } from './validate-cache-control.ts';
import { checkSettings, checkSystem } from './validate-fields.ts';
import {
  checkBudget,
  checkModelTakes,
  checkOutputShape,
  checkThinkingTurns,
  outputSchemaOf,
  parseThinking,
} from './validate-thinking.ts';
import { parseToolChoice, parseTools } from './validate-tools.ts';
import { checkFinalTurn, parseMessages, parseTurns } from './validate-turns.ts';
import {
  isObject,
  refuseOthers,
  requireInteger,
  requireString,
  requireTagged,
  requireText,
} from './validate-value.ts';

/** Every field a body may have. Source: the official SDK's types, betas included, and what older ones had. */
const knownFields = new Set([
  'billing_policy',
  'cache_control',
  'compaction',
  'container',
  'context_management',
  'diagnostics',
  'fallback_credit_token',
  'fallbacks',
  'inference_geo',
  'max_tokens',
  'mcp_servers',
  'messages',
  'metadata',
  'model',
  'output_config',
  'output_format',
  'service_tier',
  'speed',
  'stop_sequences',
  'stream',
  'system',
  'temperature',
  'thinking',
  'thread',
  'tool_choice',
  'tools',
  'top_k',
  'top_p',
  'user_profile_id',
  'workspace_id',
]);

/** The body of `POST /v1/messages`. `models` are names to take beside the known ones. Throws an ApiError. */
export function parseMessagesRequest(value: unknown, models: readonly string[] = []): MessagesRequest {
  const body = requireBody(value);
  const asked = requireText(body['model'], 'model');
  if (body['tool_choice'] !== undefined) requireTagged(body['tool_choice'], 'tool_choice');
  const tools = parseTools(body['tools']);
  const messages = parseMessages(body['messages']);
  checkSystem(body['system']);
  const thinking = parseThinking(body['thinking']);
  checkOutputShape(body);
  checkCacheControl(body['cache_control'], 'cache_control');
  const maxTokens = parseMaxTokens(body['max_tokens']);
  checkSettings(body);
  refuseOthers(body, '', knownFields);
  const turns = parseTurns(messages);
  const toolChoice = parseToolChoice(body['tool_choice'], body['tools']);
  checkCacheOrder(body);
  checkBudget(body['thinking'], maxTokens);
  const stopSequences = (body['stop_sequences'] ?? []) as string[];
  const isStream = body['stream'] === true;
  const model = requireModel(asked, models);
  checkMaxTokens(maxTokens, model);
  checkModelTakes(model, body);
  checkFinalTurn(turns, takesPrefill(model));
  checkThinkingTurns(body, turns, toolChoice);
  const parts = toPromptParts(body, model);
  checkCacheMarks(parts);
  const inputTokens = sumTokens(parts);
  checkInputTokens(inputTokens, model);
  const said = { model, maxTokens, turns, tools, toolChoice, thinking, stopSequences, isStream };
  const outputSchema = outputSchemaOf(body);
  return { ...said, outputSchema, offers: parseOffers(body), inputTokens, parts, cached: uncached };
}

/** The body of `POST /v1/messages/count_tokens`, to the count it is answered with. Throws an ApiError. */
export function parseCountRequest(value: unknown, models: readonly string[]): number {
  const body = requireBody(value);
  const asked = requireText(body['model'], 'model');
  if (body['tool_choice'] !== undefined) requireTagged(body['tool_choice'], 'tool_choice');
  parseTools(body['tools']);
  const messages = parseMessages(body['messages']);
  checkSystem(body['system']);
  parseThinking(body['thinking']);
  checkOutputShape(body);
  checkCacheControl(body['cache_control'], 'cache_control');
  refuseOthers(body, '', knownFields);
  parseTurns(messages);
  parseToolChoice(body['tool_choice'], body['tools']);
  checkCacheOrder(body);
  return sumTokens(toPromptParts(body, requireModel(asked, models)));
}

/** The body of `POST /v1/complete`, which no model takes any more. Throws an ApiError, always. */
export function refuseCompletion(value: unknown, models: readonly string[]): never {
  const asked = requireString(requireBody(value)['model'], 'model');
  requireModel(asked, models);
  throw invalidRequest(`"${asked}" is not supported on this API. Please use the Messages API instead.`);
}

function requireBody(value: unknown): JsonObject {
  if (!isObject(value)) throw invalidRequest('Input should be a valid dictionary');
  return value;
}

function requireModel(asked: string, models: readonly string[]): string {
  const model = resolveModel(asked, models);
  if (model === undefined) throw apiError('not_found_error', `model: ${asked}`);
  return model;
}

/** The official documentation lets 0 fill the prompt cache; the API's own text, as it is known, does not. */
function parseMaxTokens(value: unknown): number {
  const maxTokens = requireInteger(value, 'max_tokens', -Infinity);
  if (maxTokens < 1) throw invalidRequest('max_tokens: must be greater than or equal to 1');
  return maxTokens;
}

function checkMaxTokens(maxTokens: number, model: string): void {
  const most = limitsOf(model)?.maxOutputTokens;
  if (most === undefined || maxTokens <= most) return;
  throw invalidRequest(
    `max_tokens: ${maxTokens} > ${most}, which is the maximum allowed number of output tokens for ${model}`,
  );
}

const mostCacheMarks = 4;

function checkCacheMarks(parts: readonly PromptPart[]): void {
  const count = parts.filter(({ cacheControl }) => cacheControl != null).length;
  if (count <= mostCacheMarks) return;
  throw invalidRequest(
    `A maximum of ${mostCacheMarks} blocks with cache_control may be provided. Found ${count}.`,
  );
}

/** The count is an estimate, and so is where the limit lies. */
function checkInputTokens(inputTokens: number, model: string): void {
  const most = limitsOf(model)?.maxInputTokens;
  if (most === undefined || inputTokens <= most) return;
  throw invalidRequest(`prompt is too long: ${inputTokens} tokens > ${most} maximum`);
}
