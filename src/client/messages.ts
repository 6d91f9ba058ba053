// The Messages endpoint.

import { PartialJson } from '../protocol/index.ts';
import type { Message } from '../protocol/index.ts';
import { Answer } from './answer.ts';
import { AnswerAttempts } from './answer-attempts.ts';
import type { AnswerRequest, ReplyReader, RetryEvent } from './answer-attempts.ts';
import { AnswerTelemetry } from './answer-telemetry.ts';
import type { ClientConnection } from './client-connection.ts';
import { toApiPromise } from './api-promise.ts';
import type { Answered, ApiPromise } from './api-promise.ts';
import { resolveSettings } from './call-settings.ts';
import { demandNotNegative } from './demand.ts';
import { MessageEvents } from './message-events.ts';
import type { MessageParams, RequestOptions } from './message-params.ts';
import { MessageStream } from './message-stream.ts';
import { withOwnNames } from './official-names.ts';
import { callSafely, reportFailure } from './report-failure.ts';
import { responseOf } from './response-of.ts';
import { endingTypeOf, isAborted } from './stream-ending.ts';
import type { StreamEnding } from './stream-ending.ts';
import { totalUsage } from './usage-record.ts';
import { replyReader, wholeMessages } from './whole-reply.ts';

const createInput = (): PartialJson => new PartialJson();

const tokenCounts = replyReader(
  '/v1/messages/count_tokens',
  ({ input_tokens }) => typeof input_tokens === 'number',
);

/** A message that was asked for whole, with the server's name for the request, which is no field of its JSON. */
export type CreatedMessage = Message & { readonly _request_id?: string | undefined };

export class Messages {
  readonly #connection: ClientConnection;

  constructor(connection: ClientConnection) {
    this.#connection = connection;
  }

  /**
   * Asks for a message, whole or (`stream: true`) as events.
   *
   * Rejects, after the retries that the options allow, with ApiError when the API says no, ConnectionError when no
   * response came, TimeoutError when that took too long, ConfigurationError when there is no key, ResponseError when
   * the reply is not a message, RangeError for an option out of range, and the signal's reason after an abort.
   */
  create(params: MessageParams & { stream: true }, options?: RequestOptions): ApiPromise<MessageEvents>;
  create(
    params: MessageParams & { stream?: false | undefined },
    options?: RequestOptions,
  ): ApiPromise<CreatedMessage>;
  create(
    params: MessageParams & { stream?: boolean | undefined },
    options?: RequestOptions,
  ): ApiPromise<CreatedMessage | MessageEvents>;
  create(
    params: MessageParams & { stream?: boolean | undefined },
    options: RequestOptions = {},
  ): ApiPromise<CreatedMessage | MessageEvents> {
    const answered: Promise<Answered<CreatedMessage | MessageEvents>> =
      params.stream === true ? this.#openEvents(params, options) : this.#createWhole(params, options);
    return toApiPromise(answered);
  }

  /** Asks for a message and streams it. The stream tells of every failure; this call throws only a RangeError, for
   * an option out of range. */
  stream(params: MessageParams, options: RequestOptions = {}): MessageStream {
    const controller = new AbortController();
    const { messages } = params;
    const { logger } = this.#connection;
    const maxKeptBytes = keptBytesOf(options);
    return new MessageStream((onRetry) => this.#answer(params, { options, controller, onRetry }), {
      controller,
      messages,
      maxKeptBytes,
      logger,
    });
  }

  /** Counts the input tokens of a request without sending it to a model. */
  countTokens(
    params: Omit<MessageParams, 'max_tokens'>,
    options: RequestOptions = {},
  ): ApiPromise<{ input_tokens: number }> {
    const asked = this.#ask(params as MessageParams, { options, replies: tokenCounts });
    return toApiPromise(asked.then((attempts) => answeredBy<{ input_tokens: number }>(attempts)));
  }

  async #openEvents(params: MessageParams, options: RequestOptions): Promise<Answered<MessageEvents>> {
    const controller = new AbortController();
    const maxKeptBytes = keptBytesOf(options);
    const answer = this.#answer(params, { options, controller });
    await answer.open();
    const data = MessageEvents.fromAnswer(answer, controller, maxKeptBytes);
    // There is one behind every answer that could be opened.
    const response = answer.response as NonNullable<typeof answer.response>;
    return { data, response, takeResponse: () => data.takeResponse() };
  }

  async #createWhole(params: MessageParams, options: RequestOptions): Promise<Answered<CreatedMessage>> {
    const attempts = await this.#ask(params, { options, replies: wholeMessages });
    Object.defineProperty(attempts.reply, '_request_id', { value: attempts.requestId, enumerable: false });
    return answeredBy<CreatedMessage>(attempts);
  }

  async #ask(
    params: MessageParams,
    { options, replies }: { options: RequestOptions; replies: ReplyReader },
  ): Promise<AnswerAttempts> {
    const controller = new AbortController();
    const connection = this.#connection;
    const asked = { connection, params, options, isStreamed: false };
    const request = this.#request(params, options, controller);
    const telemetry = replies === wholeMessages ? new AnswerTelemetry(asked) : undefined;
    const around = telemetry?.around.bind(telemetry);
    const attempts = new AnswerAttempts({ ...request, around, replies, isStreamed: false });
    const end = (type: StreamEnding['type'], error?: unknown): void => {
      attempts.end(error);
      const message = attempts.reply as unknown as Message | undefined;
      const { records } = attempts;
      const usage = totalUsage(records) ?? message?.usage;
      telemetry?.end({ message, usage, attempts: records }, { type, error });
    };
    try {
      await attempts.open();
      end('complete');
      return attempts;
    } catch (error) {
      end(isAborted(controller.signal) ? 'aborted' : endingTypeOf(error), error);
      throw error;
    }
  }

  #answer(
    params: MessageParams,
    {
      options,
      controller,
      onRetry,
    }: Pick<AnswerRequest, 'controller' | 'onRetry'> & { options: RequestOptions },
  ): Answer {
    const connection = this.#connection;
    const request = { ...this.#request(params, options, controller), onRetry: this.#logged(onRetry) };
    const telemetry = new AnswerTelemetry({ connection, params, options, isStreamed: true });
    const around = telemetry.around.bind(telemetry);
    const onEnd = (): void => {
      if (answer.ending !== undefined) telemetry.end(answer, answer.ending);
    };
    const answer = new Answer({ ...request, around, replies: wholeMessages }, { createInput, onEnd });
    return telemetry.watch(answer);
  }

  #request(params: MessageParams, options: RequestOptions, controller: AbortController): AnswerRequest {
    const settings = resolveSettings(withOwnNames(options), this.#connection.settings);
    return { connection: this.#connection, params, options, settings, controller, onRetry: this.#logged() };
  }

  #logged(onRetry?: (event: RetryEvent) => void): (event: RetryEvent) => void {
    return (event) => {
      const { attempt, kind, delayMs, model, error } = event;
      const { code } = error;
      const { logger } = this.#connection;
      callSafely(
        () => logger?.warn(`Attempt ${attempt} (${kind}) after ${code}`, { delayMs, model, code }),
        (failure) => reportFailure(undefined, 'logger.warn', failure),
      );
      onRetry?.(event);
    };
  }
}

/** What came in one piece. */
function answeredBy<Data>({ reply, response }: AnswerAttempts): Answered<Data> {
  // There are both behind every request that was answered.
  const answered = response as NonNullable<typeof response>;
  return {
    data: reply as Data,
    response: answered,
    takeResponse: () => responseOf(answered, JSON.stringify(reply)),
  };
}

function keptBytesOf({ maxKeptBytes }: RequestOptions): number | undefined {
  return maxKeptBytes === undefined ? undefined : demandNotNegative('maxKeptBytes', maxKeptBytes);
}
