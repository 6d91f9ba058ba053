// How an answer ends: why, what it came to, and how far it may go at all.

import type { Container, MessageDeltaEvent, StopDetails, StopReason } from '../protocol/index.ts';
import type { AnswerLimit } from './answer-limit.ts';
import type { EndPart } from './answer-part.ts';
import type { AnswerUsage } from './answer-usage.ts';
import { createId } from './ids.ts';
import type { MessagesRequest } from './messages-request.ts';
import { generationOf, limitsOf } from './models.ts';
import type { Random } from './random.ts';

/** An answer of which everything was sent but its end. */
interface Sent {
  readonly request: MessagesRequest;
  readonly limit: AnswerLimit;
  readonly usage: AnswerUsage;
  /** How it ends by itself, where that does not follow from its blocks. */
  readonly end: EndPart | undefined;
  /** Said at its beginning; the total is never lower. */
  readonly startTokens: number;
}

export function toMessageDelta(sent: Sent, ids: Random): MessageDeltaEvent {
  const { request, limit, usage, startTokens } = sent;
  const isContained = containerTools.some((tool) => usage.has(tool));
  const isEdited = request.offers.contextEdits !== undefined || usage.has('compaction');
  return {
    type: 'message_delta',
    delta: { ...toStop(sent), container: isContained ? toContainer(request, ids) : null },
    usage: usage.totals(Math.max(limit.outputTokens, startTokens)),
    ...(isEdited ? { context_management: { applied_edits: [] } } : {}),
  };
}

/** A limit comes before any other end. */
function toStop({ request, limit: { reached }, usage, end }: Sent): MessageDeltaEvent['delta'] {
  if (reached?.type === 'stop_sequence') return { ...stop('stop_sequence'), stop_sequence: reached.sequence };
  if (reached?.type === 'max_tokens') {
    const isWindow = mostTokensOf(request) < request.maxTokens;
    return stop(isWindow ? 'model_context_window_exceeded' : 'max_tokens');
  }
  if (end === undefined) return stop(usage.has('tool_use') ? 'tool_use' : 'end_turn');
  // In the wire's own spelling, whatever it holds.
  return stop(end.stopReason, end.stopDetails as StopDetails | undefined);
}

function stop(reason: StopReason, details: StopDetails | null = null): MessageDeltaEvent['delta'] {
  return { stop_reason: reason, stop_sequence: null, stop_details: details };
}

/** What `max_tokens` and the model's context window leave. Older models than these ask for both to fit instead. */
export function mostTokensOf({ maxTokens, model, inputTokens }: MessagesRequest): number {
  const window = generationOf(model) < 4.5 ? undefined : limitsOf(model)?.maxInputTokens;
  return window === undefined ? maxTokens : Math.min(maxTokens, window - inputTokens);
}

/** The results of what runs in a container. */
const containerTools = [
  'code_execution_tool_result',
  'bash_code_execution_tool_result',
  'text_editor_code_execution_tool_result',
];

/** The time is the same in every run, and far away: nothing expires here. */
function toContainer({ offers }: MessagesRequest, ids: Random): Container {
  return { id: offers.container ?? createId('container', ids), expires_at: '2099-12-31T23:59:59.000000Z' };
}
