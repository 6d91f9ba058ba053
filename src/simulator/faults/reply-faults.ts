// Faults of the answer as a whole: another one in its place, or its head changed.

import { errorBody } from '../api-errors.ts';
import type { Reply } from '../reply.ts';
import { toFrameStep } from '../step.ts';
import type { Step } from '../step.ts';
import type { FaultContext } from './fault-context.ts';
import type { FaultOf } from './fault.ts';
import { errorMessages, statusErrors } from './status-errors.ts';

/** As the API refuses a request. The answer that would have come is not even begun. */
export function statusError(
  reply: Reply,
  { status, retryAfter, shouldRetry, message }: FaultOf<'status'>,
  { requestId }: FaultContext,
): Reply {
  const { type, isRetryable } = statusErrors[status] ?? { type: 'api_error', isRetryable: true };
  const isWorthIt = isRetryable && (status !== 429 || retryAfter !== undefined);
  const body = errorBody({ type, message: message ?? errorMessages[type] }, requestId);
  return {
    ...reply,
    delayMs: 0,
    status,
    isStream: false,
    isFromEdge: status === 413,
    headers: {
      'content-type': 'application/json',
      ...(status === 413 ? {} : { 'x-should-retry': String(shouldRetry ?? isWorthIt) }),
      ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
    },
    steps: [toFrameStep(JSON.stringify(body))],
  };
}

const bodies = {
  json: { contentType: 'application/json', text: '{"message": "This is JSON, and no message."}' },
  html: {
    contentType: 'text/html; charset=utf-8',
    text: '<!doctype html>\n<html><head><title>Sign in</title></head><body><h1>Sign in to go on</h1></body></html>\n',
  },
  nothing: undefined,
} satisfies Record<FaultOf<'body'>['body'], { contentType: string; text: string } | undefined>;

/** Nothing at all keeps the content type of what should have come. */
export function otherBody(reply: Reply, { body: kind }: FaultOf<'body'>): Reply {
  const body = bodies[kind];
  if (body === undefined) return { ...reply, isStream: false, steps: [] };
  const headers = { ...reply.headers, 'content-type': body.contentType };
  return { ...reply, isStream: false, headers, steps: [toFrameStep(body.text)] };
}

export function contentType(reply: Reply, { value }: FaultOf<'content_type'>): Reply {
  return { ...reply, headers: { ...reply.headers, 'content-type': value } };
}

export function slowHeaders(reply: Reply, { ms }: FaultOf<'slow_headers'>): Reply {
  return { ...reply, delayMs: reply.delayMs + ms };
}

export function drop(reply: Reply, { by }: FaultOf<'drop'>): Reply {
  return { ...reply, status: undefined, isStream: false, steps: [{ type: 'close', by, lingerMs: 0 }] };
}

/** Lifts a change of the steps of a stream to one of a reply; another reply stays as it is. */
export function onStream<Fault>(
  change: (steps: Iterable<Step>, fault: Fault, context: FaultContext) => Iterable<Step>,
) {
  return (reply: Reply, fault: Fault, context: FaultContext): Reply =>
    reply.isStream ? { ...reply, steps: change(reply.steps, fault, context) } : reply;
}

/** Lifts a change of the steps of any body. */
export function onBody<Fault>(change: (steps: Iterable<Step>, fault: Fault) => Iterable<Step>) {
  return (reply: Reply, fault: Fault): Reply => ({ ...reply, steps: change(reply.steps, fault) });
}
