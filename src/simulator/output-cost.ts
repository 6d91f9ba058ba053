// What a block of an answer counts as output beyond its text, and what its text counts. Figures from recorded
// answers and their usage.

import { countText } from './count-text.ts';
import type { JsonObject } from './json-object.ts';
import type { MessagesRequest } from './messages-request.ts';
import { tokenCostsOf } from './token-costs.ts';

export interface OutputCost {
  /** Counted before the text, in tokens. */
  readonly openingTokens: number;
  /** Tokens for each that `countText` finds in the text. */
  readonly rate: number;
}

/** How a model ends its turn; a turn that ends with a call has this among the call's tokens. */
export const endTokens = 2.8;

const thinkingTokens = 5;
const callTokens = 18;
/** What `tool_choice` with a name spares: the model does not write it. */
const namedCallTokens = 8;
/** A property of a call's input, beyond its name and value. */
const parameterTokens = 13.8;

type Asked = Pick<MessagesRequest, 'model' | 'toolChoice'>;

export function textCost({ model }: Asked): OutputCost {
  return { openingTokens: 0, rate: tokenCostsOf(model).outputScale };
}

export function thinkingCost({ model }: Asked): OutputCost {
  return { openingTokens: thinkingTokens, rate: tokenCostsOf(model).outputScale };
}

export interface Call {
  readonly name: string;
  readonly input: JsonObject;
  /** The input in print, as its deltas have it. */
  readonly json: string;
  /** Whether no call of the same answer came before it. */
  readonly isFirst: boolean;
}

/** Models write calls in a form of their own; what it costs is spread over the JSON that is sent. */
export function callCost({ name, input, json, isFirst }: Call, { model, toolChoice }: Asked): OutputCost {
  const { outputScale, openingTokens } = tokenCostsOf(model);
  const isNamed = toolChoice.type === 'tool';
  const isFree = toolChoice.type === 'auto' || toolChoice.type === 'none';
  const entries = Object.entries(input);
  const values = entries.map(([key, value]) => countText(key) + countText(toPlainText(value)));
  const inputTokens =
    entries.length * parameterTokens + values.reduce((sum, count) => sum + count, 0) * outputScale;
  const own = isNamed ? namedCallTokens : callTokens + countText(name) * outputScale;
  return {
    openingTokens: own + (isFirst && isFree ? openingTokens : 0),
    rate: inputTokens / Math.max(countText(json), 1),
  };
}

function toPlainText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value ?? null);
}
