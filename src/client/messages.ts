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

type JsonObject = Record<string, unknown>;

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
  create(params: MessageParams & { stream?: false | undefined }, options?: RequestOptions): Promise<Message>;
  create(
    params: MessageParams & { stream?: boolean | undefined },
    options?: RequestOptions,
  ): Promise<Message | MessageEvents>;
  async create(
    params: MessageParams & { stream?: boolean | undefined },
    options: RequestOptions = {},
  ): Promise<Message | MessageEvents> {
    if (params.stream === true) {
      const controller = new AbortController();
      return new MessageEvents(await this.#open(params, options, controller), controller);
    }
    const isMessage = ({ type }: JsonObject): boolean => type === 'message';
    const reply = await this.#ask({ path: '/v1/messages', params, options }, isMessage);
    return reply as unknown as Message;
  }

  /** Asks for a message and streams it. The stream tells of every failure, this call of none. */
  stream(params: MessageParams, options: RequestOptions = {}): MessageStream {
    const controller = new AbortController();
    return new MessageStream(this.#open({ ...params, stream: true }, options, controller), controller);
  }

  /** Counts the input tokens of a request without sending it to a model. */
  async countTokens(
    params: Omit<MessageParams, 'max_tokens'>,
    options: RequestOptions = {},
  ): Promise<{ input_tokens: number }> {
    const isCount = ({ input_tokens }: JsonObject): boolean => typeof input_tokens === 'number';
    const reply = await this.#ask({ path: '/v1/messages/count_tokens', params, options }, isCount);
    return reply as { input_tokens: number };
  }

  async #ask(
    { path, params, options }: { path: string; params: JsonObject; options: RequestOptions },
    isWanted: (value: JsonObject) => boolean,
  ): Promise<JsonObject> {
    const controller = new AbortController();
    const letGo = follow(options.signal, controller);
    try {
      const response = await this.#connection.post(path, params, { ...options, signal: controller.signal });
      return await readObject(response, isWanted);
    } finally {
      letGo();
    }
  }

  async #open(
    params: MessageParams,
    options: RequestOptions,
    controller: AbortController,
  ): Promise<EventStream> {
    const onEnd = follow(options.signal, controller);
    const { signal } = controller;
    try {
      const response = await this.#connection.post('/v1/messages', params, { ...options, signal });
      return new EventStream(response, { signal, onEnd });
    } catch (error) {
      onEnd();
      throw error;
    }
  }
}

/** Makes the controller follow the caller's signal, which may outlive many answers; returns how to let go of it.
 * The signal itself is never handed on: a platform's `fetch` would leave a listener on it. */
function follow(signal: AbortSignal | undefined, controller: AbortController): () => void {
  const abort = (): void => controller.abort(signal?.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort);
  return () => signal?.removeEventListener('abort', abort);
}

async function readObject(
  { status, headers, body }: TransportResponse,
  isWanted: (value: JsonObject) => boolean,
): Promise<JsonObject> {
  const text = await readText(body, maxReplyBytes);
  try {
    const value = JSON.parse(text) as JsonObject | null;
    if (typeof value === 'object' && value !== null && isWanted(value)) return value;
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
