// One server-sent event to one stream event. Checks what the rest of the core relies on and no more: a field
// this version does not know is kept, a type it does not know passes through.

import { ProtocolError } from './errors.ts';
import type { ServerSentEvent } from './sse-parser.ts';
import type { ErrorBody, KnownStreamEvent, StreamEvent } from './stream-event.ts';

type Fields = Record<string, unknown>;

/**
 * Parses the data of one frame.
 *
 * The type is the data's own `type`; the frame's `event` stands in where that is missing. An error without any
 * type (`{"error": …}`, or a plain text under `event: error`) is an error event, `data: [DONE]` a DoneEvent.
 * Throws ProtocolError `invalid_json`, or `invalid_event` when a field of a known type is missing or of another
 * kind.
 */
export function parseStreamEvent(sse: ServerSentEvent): StreamEvent {
  const value = parseData(sse);
  if (!isFields(value)) throw invalid(sse, 'is not a JSON object');
  const type = value['type'] ?? ('error' in value ? 'error' : sse.event);
  if (typeof type !== 'string') throw invalid(sse, 'has no type');
  if (type === 'error') return { ...value, type, error: parseErrorBody(value['error']) };
  const event = value['type'] === type ? value : { ...value, type };
  const fault = Object.hasOwn(faultOf, type) ? faultOf[type as keyof typeof faultOf](event) : undefined;
  if (fault !== undefined) throw invalid(sse, `has no sound ${fault}`);
  return event as unknown as StreamEvent;
}

/**
 * The `error` of an error body, whatever a server or gateway made of it: always with a type and a message.
 * What carries neither is an `api_error` whose message is the value itself.
 */
export function parseErrorBody(error: unknown): ErrorBody {
  if (!isFields(error)) {
    return { type: 'api_error', message: typeof error === 'string' ? error : (JSON.stringify(error) ?? '') };
  }
  const { type, message } = error;
  return {
    ...error,
    type: typeof type === 'string' ? type : 'api_error',
    message: typeof message === 'string' ? message : JSON.stringify(error),
  };
}

function parseData({ event, data }: ServerSentEvent): unknown {
  try {
    return JSON.parse(data);
  } catch (cause) {
    const text = data.trim();
    if (text === '[DONE]') return { type: text };
    if (text === '' && event === 'ping') return { type: event };
    if (event === 'error') return { type: event, error: text };
    throw new ProtocolError('invalid_json', `The data of ${nameOf(event)} is not JSON`, {
      excerpt: data,
      cause,
    });
  }
}

function invalid({ event, data }: ServerSentEvent, fault: string): ProtocolError {
  return new ProtocolError('invalid_event', `The data of ${nameOf(event)} ${fault}`, { excerpt: data });
}

function nameOf(event: string | undefined): string {
  return event === undefined ? 'an event' : `the event "${event.slice(0, 40)}"`;
}

/** The path of the first field that is missing or of another kind, for each known type; undefined when all is well. */
const faultOf = {
  message_start: ({ message }) => {
    if (!isFields(message)) return 'message';
    // Gateways leave these out; what is there must be of the right kind.
    const { content, usage } = message;
    if (content != null && !(Array.isArray(content) && content.every(isTyped))) return 'message.content';
    return usage == null || isFields(usage) ? undefined : 'message.usage';
  },
  content_block_start: ({ index, content_block }) =>
    faultOfIndex(index) ?? (isTyped(content_block) ? undefined : 'content_block.type'),
  content_block_delta: ({ index, delta }) => faultOfIndex(index) ?? faultOfDelta(delta),
  content_block_stop: ({ index }) => faultOfIndex(index),
  message_delta: ({ delta, usage }) => {
    if (!isFields(delta)) return 'delta';
    return usage == null || isFields(usage) ? undefined : 'usage';
  },
  message_stop: () => undefined,
  ping: () => undefined,
  '[DONE]': () => undefined,
} satisfies Record<Exclude<KnownStreamEvent['type'], 'error'>, (event: Fields) => string | undefined>;

/** The one string each delta is for. */
const stringOfDelta: Readonly<Record<string, string>> = {
  text_delta: 'text',
  input_json_delta: 'partial_json',
  thinking_delta: 'thinking',
  signature_delta: 'signature',
};

function faultOfDelta(delta: unknown): string | undefined {
  if (!isTyped(delta)) return 'delta.type';
  const field = Object.hasOwn(stringOfDelta, delta.type) ? stringOfDelta[delta.type] : undefined;
  if (field !== undefined && typeof delta[field] !== 'string') return `delta.${field}`;
  return delta.type === 'citations_delta' && !isFields(delta['citation']) ? 'delta.citation' : undefined;
}

function faultOfIndex(index: unknown): string | undefined {
  return Number.isSafeInteger(index) && (index as number) >= 0 ? undefined : 'index';
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTyped(value: unknown): value is Fields & { type: string } {
  return isFields(value) && typeof value['type'] === 'string';
}
