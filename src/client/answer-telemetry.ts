// The times of one answer, for whoever asked for its figures. Costs nothing where nobody did.

import type { StreamEnding } from './stream-ending.ts';
import type { AnswerSource } from './answer-source.ts';
import type { ClientConnection } from './client-connection.ts';
import type { MessageParams, RequestOptions } from './message-params.ts';
import { AnswerMeter, withMeter } from './metrics.ts';
import type { AnswerSurroundings, MeteredAnswer, OnMetrics } from './metrics.ts';
import { callSafely, reportFailure } from './report-failure.ts';

export interface TelemetryRequest {
  readonly connection: ClientConnection;
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
  end({ message, usage, attempts }: Metered, { type: endingType, error }: Ended): void {
    if (this.#meter === undefined) return;
    const { params, isStreamed } = this.#request;
    const requestModel = params.model;
    const said = { message, usage, attempts };
    const metrics = this.#meter.record({ ...said, requestModel, isStreamed, endingType, error });
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

type Metered = Pick<MeteredAnswer, 'message' | 'usage' | 'attempts'>;

type Ended = { readonly type: StreamEnding['type']; readonly error?: unknown };
