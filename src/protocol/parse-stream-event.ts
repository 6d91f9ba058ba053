// One server-sent event to one stream event. Checks what the rest of the core relies on and no more: a field
// this version does not know is kept, a type it does not know passes through.

import { ProtocolError } from './errors.ts';
import type { ProtocolErrorCode } from './errors.ts';
import { isObject } from './own-properties.ts';
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
  if (!isFields(value)) throw broken('invalid_event', sse, { fault: 'is not a JSON object' });
  const type = value['type'] ?? ('error' in value ? 'error' : sse.event);
  if (typeof type !== 'string') throw broken('invalid_event', sse, { fault: 'has no type' });
  if (type === 'error') return { ...value, type, error: parseErrorBody(value['error']) };
  const event = value['type'] === type ? value : { ...value, type };
  const checks: Record<string, Check> = Object.hasOwn(checksOf, type)
    ? checksOf[type as keyof typeof checksOf]
    : {};
  for (const field in checks) {
    if (checks[field]?.(event[field]) === false)
      throw broken('invalid_event', sse, { fault: `has no sound ${field}` });
  }
  return event as unknown as StreamEvent;
}

/**
 * The `error` of an error body, whatever a server or gateway made of it: always with a type and a message.
 * What carries neither is an `api_error` whose message is the value itself.
 */
export function parseErrorBody(error: unknown): ErrorBody {
  if (!isFields(error))
    return { type: 'api_error', message: typeof error === 'string' ? error : textOf(error) };
  const { type, message } = error;
  return {
    ...error,
    type: typeof type === 'string' ? type : 'api_error',
    message: typeof message === 'string' ? message : textOf(error),
  };
}

function textOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    // Legal JSON can be nested deeper than JSON.stringify can follow.
    return 'Unknown error';
  }
}

function parseData(sse: ServerSentEvent): unknown {
  const { event, data } = sse;
  try {
    return JSON.parse(data);
  } catch (cause) {
    const text = data.trim();
    if (text === '[DONE]') return { type: text };
    if (text === '' && event === 'ping') return { type: event };
    if (event === 'error') return { type: event, error: text };
    throw broken('invalid_json', sse, { fault: 'is not JSON', cause });
  }
}

function broken(
  code: ProtocolErrorCode,
  { event = 'without a name', data }: ServerSentEvent,
  options: { fault: string; cause?: unknown },
): ProtocolError {
  return new ProtocolError(code, `The event ${event.slice(0, 40)} ${options.fault}`, {
    ...options,
    excerpt: data,
  });
}

type Check = (value: unknown) => boolean;

const isFields = (value: unknown): value is Fields => isObject(value) && !Array.isArray(value);

const isTyped = (value: unknown): value is Fields & { type: string } =>
  isFields(value) && typeof value['type'] === 'string';

/** Gateways leave this out; what is there must be of the right kind. */
const isFieldsOrNothing = (value: unknown): boolean => value == null || isFields(value);

const isIndex = (value: unknown): boolean =>
  Number.isSafeInteger(value) && (value as number) >= 0 && !Object.is(value, -0);

const isMessage = (value: unknown): boolean => {
  if (!isFields(value)) return false;
  const { content, usage } = value;
  return isFieldsOrNothing(usage) && (content == null || (Array.isArray(content) && content.every(isTyped)));
};

/** The one string each of these deltas is for. */
export const stringOfDelta: ReadonlyMap<string, string> = new Map([
  ['text_delta', 'text'],
  ['input_json_delta', 'partial_json'],
  ['thinking_delta', 'thinking'],
  ['signature_delta', 'signature'],
]);

const isDelta = (value: unknown): boolean => {
  if (!isTyped(value)) return false;
  const field = stringOfDelta.get(value.type);
  if (field !== undefined) return typeof value[field] === 'string';
  return value.type !== 'citations_delta' || isFields(value['citation']);
};

/** What the fields of each known type must be for the rest of the core to rely on. */
const checksOf = {
  message_start: { message: isMessage },
  content_block_start: { index: isIndex, content_block: isTyped },
  content_block_delta: { index: isIndex, delta: isDelta },
  content_block_stop: { index: isIndex },
  message_delta: { delta: isFields, usage: isFieldsOrNothing },
  message_stop: {},
  ping: {},
  '[DONE]': {},
} satisfies Record<Exclude<KnownStreamEvent['type'], 'error'>, Record<string, Check>>;
