// What a request says about how a model thinks and samples, and what each model takes of it.

import { invalidRequest } from './api-errors.ts';
import type { JsonObject } from './json-object.ts';
import type { MessagesRequest, ToolChoice, Turn } from './messages-request.ts';
import {
  canThink,
  effortsOf,
  takesAdaptiveThinking,
  takesEnabledThinking,
  takesOneOfTwo,
  takesSampling,
} from './models.ts';
import {
  isObject,
  requireInteger,
  requireObject,
  requireOneOf,
  requireString,
  requireTagged,
} from './validate-value.ts';

/** The shape alone. Throws an ApiError. */
export function parseThinking(value: unknown): MessagesRequest['thinking'] {
  if (value === undefined) return 'off';
  const thinking = requireTagged(value, 'thinking');
  const type = requireString(thinking['type'], 'thinking.type');
  if (type !== 'enabled' && type !== 'adaptive' && type !== 'disabled') {
    throw invalidRequest(
      `thinking: Input tag '${type}' found using 'type' does not match any of the expected tags: ` +
        "'adaptive', 'disabled', 'enabled'",
    );
  }
  if (type === 'enabled') requireInteger(thinking['budget_tokens'], 'thinking.enabled.budget_tokens', 1024);
  if (type === 'disabled') return 'off';
  return thinking['display'] === 'omitted' ? 'omitted' : 'shown';
}

/** Whether the answer has room behind the thinking. The shape was found sound. */
export function checkBudget(value: unknown, maxTokens: number): void {
  const { type, budget_tokens: budget } = (value ?? {}) as { type?: string; budget_tokens?: number };
  if (type !== 'enabled' || budget === undefined || budget < maxTokens) return;
  throw invalidRequest(
    '`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our documentation at ' +
      'https://docs.claude.com/en/docs/build-with-claude/extended-thinking#max-tokens-and-context-window-size',
  );
}

const efforts = ['low', 'medium', 'high', 'xhigh', 'max'];

/** The shape of `output_config` and of the older `output_format`. Throws an ApiError. */
export function checkOutputShape({ output_config: config, output_format: format }: JsonObject): void {
  checkFormat(format, 'output_format');
  if (config === undefined) return;
  const { effort, format: inner } = requireObject(config, 'output_config');
  checkFormat(inner, 'output_config.format');
  if (effort != null) requireOneOf(effort, 'output_config.effort', efforts);
}

/** The schema for the text of the answer. The shape was found sound. */
export function outputSchemaOf({
  output_config: config,
  output_format: older,
}: JsonObject): JsonObject | undefined {
  const format = isObject(config) && isObject(config['format']) ? config['format'] : older;
  return isObject(format) && isObject(format['schema']) ? format['schema'] : undefined;
}

function checkFormat(value: unknown, path: string): void {
  if (value == null) return;
  const { type, schema } = requireObject(value, path);
  if (requireString(type, `${path}.type`) === 'json_schema') requireObject(schema, `${path}.schema`);
}

/** What the model takes of what has the right shape. Throws an ApiError. */
export function checkModelTakes(model: string, body: JsonObject): void {
  const { type } = (body['thinking'] ?? {}) as { type?: string };
  if (type === 'enabled' && !canThink(model)) throw invalidRequest(`'${model}' does not support thinking.`);
  if (type === 'enabled' && !takesEnabledThinking(model)) {
    throw invalidRequest(
      '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and ' +
        '"output_config.effort" to control thinking behavior.',
    );
  }
  if (type === 'adaptive' && !takesAdaptiveThinking(model)) {
    throw invalidRequest('adaptive thinking is not supported on this model');
  }
  checkEffort(model, (body['output_config'] ?? {}) as JsonObject);
  checkSampling(model, body, type === 'enabled' || type === 'adaptive');
}

function checkEffort(model: string, { effort }: JsonObject): void {
  if (effort == null) return;
  const supported = effortsOf(model);
  if (supported.length === 0) throw invalidRequest('This model does not support the effort parameter.');
  if (supported.some((each) => each === effort)) return;
  const levels = supported.toSorted().join(', ');
  // Found to be one of the levels that some model has.
  const asked = effort as string;
  throw invalidRequest(`This model does not support effort level '${asked}'. Supported levels: ${levels}.`);
}

function checkSampling(model: string, body: JsonObject, isThinking: boolean): void {
  const { temperature, top_p: topP } = body;
  if (!takesSampling(model)) {
    for (const name of ['temperature', 'top_p', 'top_k']) {
      // The default is no choice.
      if (body[name] == null || (name !== 'top_k' && body[name] === 1)) continue;
      throw invalidRequest(`\`${name}\` is deprecated for this model.`);
    }
  }
  if (isThinking) checkSamplingThoughts(body);
  if (temperature == null || topP == null || !takesOneOfTwo(model)) return;
  throw invalidRequest(
    '`temperature` and `top_p` cannot both be specified for this model. Please use only one.',
  );
}

/** What a model that thinks takes. */
function checkSamplingThoughts({ temperature, top_p: topP, top_k: topK }: JsonObject): void {
  const rules: readonly [isBroken: boolean, rule: string][] = [
    [temperature != null && temperature !== 1, '`temperature` may only be set to 1'],
    [topK != null, '`top_k` must be unset'],
    [typeof topP === 'number' && topP < 0.95, '`top_p` must be greater than or equal to 0.95 or unset'],
  ];
  const rule = rules.find(([isBroken]) => isBroken)?.[1];
  if (rule === undefined) return;
  throw invalidRequest(
    `${rule} when thinking is enabled or in adaptive mode. Please consult our documentation at ` +
      'https://platform.claude.com/docs/en/build-with-claude/extended-thinking',
  );
}

/** With a thinking budget no tool can be forced, and both a tool's result and a prefill need thinking before them. */
export function checkThinkingTurns(body: JsonObject, turns: readonly Turn[], choice: ToolChoice): void {
  const { type } = (body['thinking'] ?? {}) as { type?: string };
  if (type !== 'enabled') return;
  if (isForcing(choice)) {
    throw invalidRequest('Thinking may not be enabled when tool_choice forces tool use.');
  }
  const index = turns.findLastIndex(({ role }) => role === 'assistant');
  const types = (turns[index]?.content ?? []).map((block) => block.type);
  const first = types[0] ?? 'thinking';
  if (first === 'thinking' || first === 'redacted_thinking') return;
  const isPrefill = index === turns.length - 1 && types.at(-1) === 'text';
  if (!isPrefill && !types.includes('tool_use')) return;
  throw invalidRequest(
    `messages.${index}.content.0.type: Expected \`thinking\` or \`redacted_thinking\`, but found \`${first}\`. ` +
      'When `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the ' +
      'lastmost set of `tool_use` and `tool_result` blocks). We recommend you include thinking blocks from ' +
      'previous turns. To avoid this requirement, disable `thinking`. Please consult our documentation at ' +
      'https://docs.claude.com/en/docs/build-with-claude/extended-thinking',
  );
}

function isForcing({ type }: ToolChoice): boolean {
  return type === 'any' || type === 'tool';
}
