// An answer that is whole on the wire, and yet not what was asked for: whose fault it is, its code says.

import type { DeepReadonly, Message } from '../protocol/index.ts';
import type { SchemaIssue } from './schema/standard-schema.ts';

export type AnswerErrorCode =
  /** The answer reached `max_tokens`. */
  | 'max_tokens'
  /** The answer reached the end of the model's context. */
  | 'model_context_window_exceeded'
  /** The model, or what watches over it, would not answer. */
  | 'refusal'
  /** The model still called tools in its last turn. */
  | 'max_turns'
  /** The API paused the answer more often than it was to be gone on with. */
  | 'max_pauses'
  /** The answer is not what the schema describes. */
  | 'invalid_output';

const texts: Readonly<Record<AnswerErrorCode, string>> = {
  max_tokens: 'The answer is cut off: it reached max_tokens',
  model_context_window_exceeded: 'The answer is cut off: it reached the end of the context window',
  refusal: 'The model refused to answer',
  max_turns: 'The model still called tools in the last turn it was allowed',
  max_pauses: 'The answer was paused more often than it was to be gone on with',
  invalid_output: 'The answer is not what its schema describes',
};

export class AnswerError extends Error {
  override readonly name = 'AnswerError';
  readonly code: AnswerErrorCode;
  /** The answer as it is. */
  readonly partial: DeepReadonly<Message>;
  /** With `invalid_output`: what is wrong, and where; none when the answer is not even JSON. */
  readonly issues: readonly SchemaIssue[];

  constructor(
    code: AnswerErrorCode,
    partial: DeepReadonly<Message>,
    details: { detail?: string | undefined; issues?: readonly SchemaIssue[]; cause?: unknown } = {},
  ) {
    const { detail, issues = [], cause } = details;
    super(detail ? `${texts[code]}: ${detail}` : texts[code], cause === undefined ? {} : { cause });
    this.code = code;
    this.partial = partial;
    this.issues = issues;
  }
}

/** The stop reasons that leave an answer unfinished, though its stream was whole. */
const unfinished: ReadonlySet<string> = new Set(['max_tokens', 'model_context_window_exceeded', 'refusal']);

/** What is wrong with an answer by its stop reason; undefined when nothing is. */
export function errorOfStopReason(message: DeepReadonly<Message>): AnswerError | undefined {
  const { stop_reason, stop_details } = message;
  if (stop_reason === null || !unfinished.has(stop_reason)) return undefined;
  const detail = stop_details?.explanation ?? stop_details?.category ?? undefined;
  return new AnswerError(stop_reason as AnswerErrorCode, message, { detail });
}
