// The times of one answer, for whoever asked for its figures. Costs nothing where nobody did.

import type { StreamEnding } from './stream-ending.ts';
import type { AnswerSource } from './answer-source.ts';
import type { ApiConnection } from './api-connection.ts';
import type { MessageParams, RequestOptions } from './message-params.ts';
import { AnswerMeter, withMeter } from './metrics.ts';
import type { AnswerSurroundings, MeteredAnswer, OnMetrics } from './metrics.ts';
import { callSafely, reportFailure } from './report-failure.ts';

export interface TelemetryRequest {
  readonly connection: ApiConnection;
  readonly params: MessageParams;
  readonly options: RequestOptions;
  readonly isStreamed: boolean;
}

export class AnswerTelemetry {
  readonly #request: TelemetryRequest;
  readonly #listeners: (OnMetrics & AnswerSurroundings)[] = [];
  readonly #meter: AnswerMeter | undefined;

  /** The answer is asked for now. */
  constructor(request: TelemetryRequest) {
    this.#request = request;
    const { connection, params, options, isStreamed } = request;
    const { telemetries, baseURL, settings } = connection;
    if (options.onMetrics !== undefined) this.#listeners.push(options.onMetrics);
    for (const telemetry of telemetries) {
      callSafely(
        () => void this.#listeners.push(telemetry.start({ params, isStreamed, baseURL })),
        (error) => this.#report(error),
      );
    }
    if (this.#listeners.length > 0) this.#meter = new AnswerMeter(settings.clock);
  }

  /** Sends a request of the answer. */
  around<Sent>(send: () => Sent): Sent {
    return this.#listeners.reduce<() => Sent>(
      (inner, { around }) => (around ? () => around(inner) : inner),
      send,
    )();
  }

  /** Takes the times of a streamed answer. */
  watch<Source extends AnswerSource>(answer: Source): Source {
    const { clock } = this.#request.connection.settings;
    return this.#meter === undefined ? answer : withMeter(answer, this.#meter, clock);
  }

  /** The answer has its ending. */
  end(answer: Pick<MeteredAnswer, 'message' | 'usage' | 'attempts'>, ending: Ended): void {
    if (this.#meter === undefined) return;
    const { params, isStreamed } = this.#request;
    const { type: endingType } = ending;
    const error = 'error' in ending ? ending.error : undefined;
    const metrics = this.#meter.record({
      requestModel: params.model,
      isStreamed,
      endingType,
      error,
      message: answer.message,
      usage: answer.usage,
      attempts: answer.attempts,
    });
    const { message } = answer;
    for (const listener of this.#listeners) {
      callSafely(
        () => listener(metrics, { params, message }),
        (failure) => this.#report(failure),
      );
    }
  }

  #report(error: unknown): void {
    reportFailure(this.#request.connection.logger, 'onMetrics', error);
  }
}

type Ended = { readonly type: StreamEnding['type']; readonly error?: unknown };

/** The kind of ending that an error is. */
export function endingTypeOf(error: unknown, signal: AbortSignal): StreamEnding['type'] {
  const name = error instanceof Error ? error.name : '';
  if (name === 'TimeoutError' && (error as { code?: unknown }).code !== undefined) return 'stalled';
  if (signal.aborted) return 'aborted';
  return name === 'TruncatedError' ? 'truncated' : 'failed';
}
