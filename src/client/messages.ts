// The Messages endpoint.

import type { Message } from '../protocol/index.ts';
import { readText } from './api-connection.ts';
import type { ApiConnection } from './api-connection.ts';
import { ResponseError } from './errors.ts';
import { EventStream } from './event-stream.ts';
import { MessageEvents } from './message-events.ts';
import type { MessageParams, RequestOptions } from './message-params.ts';
import { MessageStream } from './message-stream.ts';
import type { TransportResponse } from './transport.ts';

/** The most of a JSON reply that is read: far above any message, and below what would exhaust memory. */
const maxReplyBytes = 256 * 1024 * 1024;

export class Messages {
  readonly #connection: ApiConnection;

  constructor(connection: ApiConnection) {
    this.#connection = connection;
  }

  /**
   * Asks for a message, whole or (`stream: true`) as events.
   *
   * Rejects with ApiError when the API says no, ConnectionError when no response came, ConfigurationError when
   * there is no key, ResponseError when the reply is not a message, and the signal's reason after an abort.
   */
  create(params: MessageParams & { stream: true }, options?: RequestOptions): Promise<MessageEvents>;
  create(params: MessageParams & { stream?: false }, options?: RequestOptions): Promise<Message>;
  async create(
    params: MessageParams & { stream?: boolean },
    options: RequestOptions = {},
  ): Promise<Message | MessageEvents> {
    if (params.stream === true) {
      const controller = linkedController(options.signal);
      return new MessageEvents(await this.#open(params, options, controller.signal), controller);
    }
    const response = await this.#connection.post('/v1/messages', params, options);
    return (await readObject(response)) as unknown as Message;
  }

  /** Asks for a message and streams it. The stream tells of every failure, this call of none. */
  stream(params: MessageParams, options: RequestOptions = {}): MessageStream {
    const controller = linkedController(options.signal);
    return new MessageStream(
      (signal) => this.#open({ ...params, stream: true }, options, signal),
      controller,
    );
  }

  /** Counts the input tokens of a request without sending it to a model. */
  async countTokens(
    params: Omit<MessageParams, 'max_tokens'>,
    options: RequestOptions = {},
  ): Promise<{ input_tokens: number }> {
    const response = await this.#connection.post('/v1/messages/count_tokens', params, options);
    return (await readObject(response)) as { input_tokens: number };
  }

  async #open(params: MessageParams, options: RequestOptions, signal: AbortSignal): Promise<EventStream> {
    return new EventStream(
      await this.#connection.post('/v1/messages', params, { ...options, signal }),
      signal,
    );
  }
}

/** A controller that follows the caller's signal. */
function linkedController(signal: AbortSignal | undefined): AbortController {
  const controller = new AbortController();
  if (signal?.aborted) controller.abort(signal.reason);
  // The listener goes when the controller does: it holds nothing else.
  signal?.addEventListener('abort', () => controller.abort(signal.reason), { signal: controller.signal });
  return controller;
}

async function readObject({ status, headers, body }: TransportResponse): Promise<Record<string, unknown>> {
  const text = await readText(body, maxReplyBytes);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Not JSON: said below, with what it is instead.
  }
  throw new ResponseError('not_a_message', {
    status,
    contentType: headers.get('content-type') ?? undefined,
    excerpt: text.slice(0, 500),
    requestId: headers.get('request-id') ?? undefined,
  });
}
