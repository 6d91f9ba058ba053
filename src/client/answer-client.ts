// The small door of the client, `millrace/client/answer`: streamed answers with retries, limits of time, fallbacks and
// recovery, made by the code that `Millrace` is made of, and nothing beside them. docs/client.md says what each has.

import { WholeJson } from '../protocol/index.ts';
import type { ToolInput } from '../protocol/index.ts';
import type { RetryEvent } from './answer-attempts.ts';
import { ApiConnection } from './api-connection.ts';
import type { ConnectionOptions, HeaderOptions } from './api-connection.ts';
import { resolveSettings } from './call-settings.ts';
import type { AttemptOptions } from './call-settings.ts';
import type { MessageParams } from './message-params.ts';
import { callSafely, reportFailure } from './report-failure.ts';
import { StreamedAnswer } from './streamed-answer.ts';

export type { ClientEvent, RecoverEvent } from './answer.ts';
export type { RetryEvent } from './answer-attempts.ts';
export type { ConnectionOptions, HeaderOptions } from './api-connection.ts';
export type { AttemptOptions } from './call-settings.ts';
export {
  ConfigurationError,
  ConnectionError,
  ResponseError,
  TimeoutError,
  TruncatedError,
} from './errors.ts';
export type { MessageParam, MessageParams } from './message-params.ts';
export type { StreamEnding } from './stream-ending.ts';
export type { StreamedAnswer } from './streamed-answer.ts';
export type { AttemptRecord } from './usage-record.ts';
export { ApiError, ProtocolError } from '../protocol/index.ts';

/** Models to turn to, in order. An answer in one piece is for `Millrace` to ask for. */
interface Fallbacks {
  fallback?: readonly string[] | undefined;
}

export interface AnswerClientOptions<Input extends ToolInput = WholeJson>
  extends Omit<ConnectionOptions, 'fallback'>, Fallbacks {
  /** What reads the inputs of tools. Default: a block has its input when it has ended. `() => new PartialJson()`, of
   * `millrace/protocol`, has it grow. */
  createInput?: (() => Input) | undefined;
}

export interface AnswerOptions extends Omit<AttemptOptions, 'fallback'>, Fallbacks {
  signal?: AbortSignal | undefined;
  /** Further headers, over those of the client. */
  headers?: HeaderOptions | undefined;
  /** Told when another attempt is about to be made. What it throws goes to the console, and changes nothing. */
  onRetry?: ((event: RetryEvent) => void) | undefined;
}

/**
 * Asks the Messages API for streamed answers. Reads nothing of the environment: a key has to be passed, or whatever
 * header the server wants in its place.
 *
 * @example
 * const client = new AnswerClient({ apiKey });
 * const answer = client.stream(
 *   { model: 'claude-sonnet-5', max_tokens: 1024, messages: [{ role: 'user', content: 'Hi' }] },
 *   { recover: true },
 * );
 * for await (const event of answer) console.log(event.type);
 */
export class AnswerClient<Input extends ToolInput = WholeJson> {
  readonly #connection: ApiConnection;
  readonly #createInput: () => Input;

  /** Throws ConfigurationError when a key would be used in a page, RangeError for an option out of range. */
  constructor(options: AnswerClientOptions<Input>) {
    this.#connection = new ApiConnection(options);
    this.#createInput = options.createInput ?? ((() => new WholeJson()) as () => ToolInput as () => Input);
  }

  /** Asks for a message. The answer tells of every failure; this call throws only a RangeError, for an option out of
   * range. */
  stream(params: MessageParams, options: AnswerOptions = {}): StreamedAnswer<Input> {
    const { onRetry } = options;
    const connection = this.#connection;
    const request = {
      connection,
      params,
      options,
      settings: resolveSettings(options, connection.settings),
      controller: new AbortController(),
      onRetry: (event: RetryEvent) =>
        callSafely(
          () => onRetry?.(event),
          (error) => reportFailure(undefined, 'onRetry', error),
        ),
    };
    return new StreamedAnswer(request, this.#createInput);
  }
}
