// The errors of this layer, by whose fault it is: ConnectionError and TimeoutError, the network; TruncatedError and
// ResponseError, the peer; ConfigurationError, the set-up. What the API itself says is ApiError, and bytes that are no
// stream of its are ProtocolError, both of the protocol core. docs/errors.md has each code.

import { ApiError, ProtocolError } from '../protocol/index.ts';
import type { DeepReadonly, Message } from '../protocol/index.ts';

/** No response came, or its body broke off. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  readonly code = 'connection_failed';
  /** `connect`: nothing came back; `body`: the response had begun. */
  readonly phase: 'connect' | 'body';
  requestId: string | undefined;
  /** What had arrived before. */
  partial: DeepReadonly<Message> | undefined;

  constructor(phase: 'connect' | 'body', message: string, options: { cause: unknown }) {
    super(message, options);
    this.phase = phase;
  }
}

/** Whose silence was too long: see {@link Timeouts}. */
export type TimeoutErrorCode =
  | 'connect_timeout'
  | 'headers_timeout'
  | 'idle_timeout'
  | 'progress_timeout'
  | 'total_timeout';

const silences: Readonly<Record<TimeoutErrorCode, string>> = {
  connect_timeout: 'no connection',
  headers_timeout: 'no response',
  idle_timeout: 'not a byte',
  progress_timeout: 'nothing but pings',
  total_timeout: 'the answer was not complete',
};

/** A limit of time was reached. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
  readonly code: TimeoutErrorCode;
  /** The limit that was reached, in milliseconds. */
  readonly limitMs: number;
  requestId: string | undefined;
  /** What had arrived before. */
  partial: DeepReadonly<Message> | undefined;

  constructor(code: TimeoutErrorCode, limitMs: number, options?: { cause: unknown }) {
    super(`Gave up after ${limitMs} ms: ${silences[code]} (${code})`, options);
    this.code = code;
    this.limitMs = limitMs;
  }
}

/** The response ended cleanly before `message_stop`: the answer is not whole, whatever it looks like. */
export class TruncatedError extends Error {
  override readonly name = 'TruncatedError';
  readonly code = 'truncated';
  requestId: string | undefined;
  /** What had arrived before. */
  partial: DeepReadonly<Message> | undefined;

  constructor(partial: DeepReadonly<Message> | undefined, requestId: string | undefined) {
    super('The stream ended before message_stop: the answer is cut off');
    this.partial = partial;
    this.requestId = requestId;
  }
}

/** A successful response whose body is not what was asked for. */
export class ResponseError extends Error {
  override readonly name = 'ResponseError';
  readonly code: 'not_an_event_stream' | 'not_a_message';
  declare readonly status: number;
  declare readonly contentType: string | undefined;
  /** The beginning of the body, at most 500 characters. */
  declare readonly excerpt: string;
  requestId: string | undefined;

  constructor(
    code: ResponseError['code'],
    response: {
      status: number;
      contentType?: string | undefined;
      excerpt: string;
      requestId?: string | undefined;
    },
  ) {
    const { status, contentType, excerpt } = response;
    const wanted = code === 'not_a_message' ? 'a JSON message' : 'an event stream';
    const body =
      excerpt === '' ? 'an empty body' : `a body that begins ${JSON.stringify(excerpt.slice(0, 80))}`;
    super(
      `The server answered ${status} with ${contentType ?? 'no content type'} and ${body}, not ${wanted}`,
    );
    this.code = code;
    Object.assign(this, response);
  }
}

type ConfigurationErrorCode =
  | 'missing_api_key'
  | 'api_key_in_browser'
  | 'two_credentials'
  | 'invalid_base_url'
  | 'invalid_header';

/** The client cannot be used as it is set up. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly code: ConfigurationErrorCode;

  constructor(code: ConfigurationErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** What an attempt can fail with. */
export type AttemptError =
  | ApiError
  | ProtocolError
  | ConnectionError
  | TimeoutError
  | TruncatedError
  | ResponseError
  | ConfigurationError;

export function isCoded(error: unknown): error is AttemptError {
  return coded.some((type) => error instanceof type);
}

const coded = [
  ApiError,
  ProtocolError,
  ConnectionError,
  TimeoutError,
  TruncatedError,
  ResponseError,
  ConfigurationError,
];
