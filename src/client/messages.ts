// The Messages endpoint.

import type { Message } from '../protocol/index.ts';
import { Answer } from './answer.ts';
import { AnswerAttempts } from './answer-attempts.ts';
import type { AnswerRequest, ReplyRequest, RetryEvent } from './answer-attempts.ts';
import type { ApiConnection } from './api-connection.ts';
import { withOptions } from './call-settings.ts';
import { follow } from './follow.ts';
import { MessageEvents } from './message-events.ts';
import type { MessageParams, RequestOptions } from './message-params.ts';
import { MessageStream } from './message-stream.ts';
import type { JsonObject } from './read-object.ts';

export class Messages {
  readonly #connection: ApiConnection;

  constructor(connection: ApiConnection) {
    this.#connection = connection;
  }

  /**
   * Asks for a message, whole or (`stream: true`) as events.
   *
   * Rejects, after the retries that the options allow, with ApiError when the API says no, ConnectionError when no
   * response came, TimeoutError when that took too long, ConfigurationError when there is no key, ResponseError when
   * the reply is not a message, and the signal's reason after an abort.
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
      const answer = this.#answer(params, { options, controller });
      await answer.open();
      return new MessageEvents(answer, controller);
    }
    const isWanted = ({ type }: JsonObject): boolean => type === 'message';
    const reply = await this.#ask(params, options, { path: '/v1/messages', isWanted });
    return reply as unknown as Message;
  }

  /** Asks for a message and streams it. The stream tells of every failure; this call throws only a RangeError, for
   * an option out of range. */
  stream(params: MessageParams, options: RequestOptions = {}): MessageStream {
    const controller = new AbortController();
    return new MessageStream((onRetry) => this.#answer(params, { options, controller, onRetry }), controller);
  }

  /** Counts the input tokens of a request without sending it to a model. */
  async countTokens(
    params: Omit<MessageParams, 'max_tokens'>,
    options: RequestOptions = {},
  ): Promise<{ input_tokens: number }> {
    const isWanted = ({ input_tokens }: JsonObject): boolean => typeof input_tokens === 'number';
    const path = '/v1/messages/count_tokens';
    const reply = await this.#ask(params as MessageParams, options, { path, isWanted });
    return reply as { input_tokens: number };
  }

  async #ask(params: MessageParams, options: RequestOptions, reply: ReplyRequest): Promise<JsonObject> {
    const controller = new AbortController();
    const letGo = follow(options.signal, controller);
    const attempts = new AnswerAttempts({ ...this.#request(params, options, controller), reply });
    try {
      await attempts.open();
      attempts.end(undefined);
      return attempts.reply ?? {};
    } catch (error) {
      attempts.end(error);
      throw error;
    } finally {
      letGo();
    }
  }

  #answer(
    params: MessageParams,
    { options, controller, onRetry }: Pick<AnswerRequest, 'options' | 'controller' | 'onRetry'>,
  ): Answer {
    const request = { ...this.#request(params, options, controller), onRetry: this.#logged(onRetry) };
    return new Answer(request, { onEnd: follow(options.signal, controller) });
  }

  #request(params: MessageParams, options: RequestOptions, controller: AbortController): AnswerRequest {
    const settings = withOptions(this.#connection.settings, options);
    return { connection: this.#connection, params, options, settings, controller, onRetry: this.#logged() };
  }

  #logged(onRetry?: (event: RetryEvent) => void): (event: RetryEvent) => void {
    return (event) => {
      const { attempt, kind, delayMs, model, error } = event;
      const { code } = error;
      this.#connection.logger?.warn(`Attempt ${attempt} (${kind}) after ${code}`, { delayMs, model, code });
      onRetry?.(event);
    };
  }
}
