// The relay's streams as OpenTelemetry spans, and its figures on OpenTelemetry's meter. A door of its own: it alone
// imports `@opentelemetry/api`, and nothing of its SDK.

import { context, metrics as globalMetrics, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Attributes, Context, Meter, Span, Tracer } from '@opentelemetry/api';
import { createMeterTelemetry } from './telemetry/meter-telemetry.ts';
import type { RelayTelemetry, StreamSummary, StreamTelemetry } from './telemetry/telemetry.ts';

export interface RelayOpenTelemetryOptions {
  /** Default: the global tracer provider's. */
  tracer?: Tracer | undefined;
  /** Default: the global meter provider's. */
  meter?: Meter | undefined;
}

/**
 * For the relay's option `telemetry`: figures, and a span for each stream with one for each request to upstream in
 * it, a child of the span that is active when the stream is asked for. Nothing of what was asked or said is in them.
 *
 * @example
 * createRelay({ upstream, log, settings, telemetry: [createRelayOpenTelemetry()] });
 */
export function createRelayOpenTelemetry({
  tracer = trace.getTracer('millrace'),
  meter = globalMetrics.getMeter('millrace'),
}: RelayOpenTelemetryOptions = {}): RelayTelemetry {
  const figures = createMeterTelemetry(meter);
  return {
    ...figures,
    begin: (stream) => withSpans(figures.begin?.(stream) ?? {}, new StreamSpans(tracer)),
  };
}

function withSpans(figures: StreamTelemetry, spans: StreamSpans): StreamTelemetry {
  return {
    ...figures,
    answered: (model) => {
      figures.answered?.(model);
      spans.set({ 'gen_ai.response.model': model });
    },
    firstContent: (sinceMs) => {
      figures.firstContent?.(sinceMs);
      spans.set({ 'gen_ai.response.time_to_first_chunk': sinceMs / 1000 });
    },
    attempt: (attempt) => {
      figures.attempt?.(attempt);
      spans.endAttempt(attempt.reason);
      spans.beginAttempt(attempt.kind);
    },
    rewound: () => {
      figures.rewound?.();
      spans.rewound();
    },
    end: (summary) => {
      figures.end?.(summary);
      spans.end(summary);
    },
  };
}

class StreamSpans {
  readonly #tracer: Tracer;
  readonly #span: Span;
  readonly #within: Context;
  /** The latest request to upstream; undefined before the first. */
  #attempt: Span | undefined;

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
    this.#span = tracer.startSpan('millrace stream', {
      kind: SpanKind.INTERNAL,
      attributes: { 'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': 'anthropic' },
    });
    this.#within = trace.setSpan(context.active(), this.#span);
  }

  set(attributes: Attributes): void {
    this.#span.setAttributes(attributes);
  }

  rewound(): void {
    this.#span.addEvent('millrace.rewind');
  }

  /** Of several each begins where the one before is known to have failed, and its delay is over. */
  beginAttempt(kind: string): void {
    const attributes = { 'millrace.attempt.kind': kind };
    this.#attempt = this.#tracer.startSpan('chat', { kind: SpanKind.CLIENT, attributes }, this.#within);
  }

  endAttempt(code: string | undefined): void {
    if (this.#attempt === undefined) return;
    if (code !== undefined) fail(this.#attempt, code);
    this.#attempt.end();
  }

  end({ ending, code, usage, stopReason, isUsageEstimated }: StreamSummary): void {
    this.set(
      withoutNothing({
        'millrace.ending': ending,
        'gen_ai.response.finish_reasons': stopReason === undefined ? undefined : [stopReason],
        'gen_ai.usage.input_tokens': usage?.input_tokens,
        'gen_ai.usage.output_tokens': usage?.output_tokens,
        'gen_ai.usage.cache_read.input_tokens': usage?.cache_read_input_tokens ?? undefined,
        'gen_ai.usage.cache_write.input_tokens': usage?.cache_creation_input_tokens ?? undefined,
        'millrace.usage_estimated': isUsageEstimated ? true : undefined,
      }),
    );
    this.endAttempt(code);
    if (code !== undefined) fail(this.#span, code);
    this.#span.end();
  }
}

function fail(span: Span, code: string): void {
  span.setAttribute('error.type', code);
  span.setStatus({ code: SpanStatusCode.ERROR, message: code });
}

function withoutNothing(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
