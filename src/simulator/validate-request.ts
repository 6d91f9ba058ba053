// A request body to what the answer depends on, or the error the API has for it. Most texts are recorded; where
// none is, the text follows the form of the others. Left out: what depends on a beta, on a real token count, or on
// a real signature.

import type { JsonObject } from './json-object.ts';
import { apiError, invalidRequest } from './api-errors.ts';
import type { MessagesRequest } from './messages-request.ts';
import { maxOutputTokensOf, resolveModel, takesPrefill } from './models.ts';
import { estimateInputTokens } from './tokens.ts';
import { parseToolChoice, parseTools } from './validate-tools.ts';
import { checkFinalTurn, parseTurns } from './validate-turns.ts';
import { isObject, requireInteger, requireList, requireObject, requireString } from './validate-value.ts';

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

/** The body of `POST /v1/messages`. Throws an ApiError. */
export function parseMessagesRequest(value: unknown): MessagesRequest {
  const body = requireBody(value);
  const asked = requireString(body['model'], 'model');
  const turns = parseTurns(body['messages']);
  const maxTokens = requireInteger(body['max_tokens'], 'max_tokens', 0);
  const tools = parseTools(body['tools']);
  const toolChoice = parseToolChoice(body['tool_choice'], body['tools']);
  const stopSequences = parseStopSequences(body['stop_sequences']);
  const thinking = parseThinking(body['thinking'], maxTokens);
  const isStream = parseStream(body['stream']);
  checkTemperature(body['temperature']);
  for (const field of Object.keys(body)) {
    if (!knownFields.has(field)) throw invalidRequest(`${field}: Extra inputs are not permitted`);
  }
  const model = requireModel(asked);
  checkMaxTokens(maxTokens, model);
  checkFinalTurn(turns, takesPrefill(model));
  const inputTokens = estimateInputTokens(body);
  return { model, maxTokens, turns, tools, toolChoice, thinking, stopSequences, isStream, inputTokens };
}

/** The body of `POST /v1/messages/count_tokens`, to the count it is answered with. Throws an ApiError. */
export function parseCountRequest(value: unknown): number {
  const body = requireBody(value);
  const asked = requireString(body['model'], 'model');
  parseTurns(body['messages']);
  parseTools(body['tools']);
  requireModel(asked);
  return estimateInputTokens(body);
}

function requireBody(value: unknown): JsonObject {
  if (!isObject(value)) throw invalidRequest('Input should be a valid dictionary');
  return value;
}

function requireModel(asked: string): string {
  const model = resolveModel(asked);
  if (model === undefined) throw apiError('not_found_error', `model: ${asked}`);
  return model;
}

function checkMaxTokens(maxTokens: number, model: string): void {
  const most = maxOutputTokensOf(model);
  if (most === undefined || maxTokens <= most) return;
  throw invalidRequest(
    `max_tokens: ${maxTokens} > ${most}, which is the maximum allowed number of output tokens for ${model}`,
  );
}

function parseStopSequences(value: unknown): string[] {
  if (value == null) return [];
  return requireList(value, 'stop_sequences').map((item, index) => {
    const sequence = requireString(item, `stop_sequences.${index}`);
    if (sequence.trim() === '') {
      throw invalidRequest('stop_sequences: each stop sequence must contain non-whitespace');
    }
    return sequence;
  });
}

function parseThinking(value: unknown, maxTokens: number): MessagesRequest['thinking'] {
  if (value == null) return 'off';
  const thinking = requireObject(value, 'thinking');
  const type = requireString(thinking['type'], 'thinking.type');
  if (type === 'enabled') {
    const budget = requireInteger(thinking['budget_tokens'], 'thinking.enabled.budget_tokens', 1024);
    if (budget >= maxTokens) {
      throw invalidRequest('`max_tokens` must be greater than `thinking.budget_tokens`.');
    }
  }
  if (type !== 'enabled' && type !== 'adaptive') return 'off';
  return thinking['display'] === 'omitted' ? 'omitted' : 'shown';
}

function parseStream(value: unknown): boolean {
  if (value == null) return false;
  if (typeof value !== 'boolean') throw invalidRequest('stream: Input should be a valid boolean');
  return value;
}

function checkTemperature(value: unknown): void {
  if (value == null) return;
  if (typeof value !== 'number') throw invalidRequest('temperature: Input should be a valid number');
  if (value < 0 || value > 1) throw invalidRequest('temperature: range: 0..1');
}
