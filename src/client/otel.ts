// Answers as OpenTelemetry spans and histograms, by the names of its conventions for generative AI. A door of its own:
// it alone imports `@opentelemetry/api`, and nothing of its SDK.

import { context, metrics as globalMetrics, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Attributes, Histogram, Meter, Span, Tracer } from '@opentelemetry/api';
import type { AnswerContent, AnswerMetrics, AnswerRequested, OnMetrics, Telemetry } from './metrics.ts';
import type { MessageParams } from './message-params.ts';
import { inputTokensOf } from './usage-record.ts';

export interface OpenTelemetryOptions {
  /** Default: the global tracer provider's. */
  tracer?: Tracer | undefined;
  /** Default: the global meter provider's. */
  meter?: Meter | undefined;
  /** Puts what was asked and answered on the spans. Default false: prompts and answers are nobody else's business. */
  captureContent?: boolean | undefined;
}

/**
 * For the client's option `telemetry`: one span for each answer, over all its attempts, a child of the span that is
 * active when it is asked for, and active itself while a request is sent.
 *
 * @example
 * const client = new Millrace({ telemetry: createOpenTelemetry() });
 */
export function createOpenTelemetry({
  tracer = trace.getTracer('millrace'),
  meter = globalMetrics.getMeter('millrace'),
  captureContent = false,
}: OpenTelemetryOptions = {}): Telemetry {
  const instruments = createInstruments(meter);
  return {
    start: (request) => {
      const attributes = attributesOfRequest(request);
      const name = `chat ${request.params.model}`;
      const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes });
      const own = trace.setSpan(context.active(), span);
      const onEnd: OnMetrics = (answer, content) => {
        record(instruments, answer, commonOf(attributes, answer));
        if (captureContent) span.setAttributes(attributesOfContent(content));
        finish(span, answer);
      };
      // Also of a retry, which may be made while somebody else's span is active.
      return Object.assign(onEnd, { around: <Sent>(send: () => Sent) => context.with(own, send) });
    },
  };
}

interface Instruments {
  readonly duration: Histogram;
  readonly timeToFirstChunk: Histogram;
  readonly timePerOutputChunk: Histogram;
  readonly tokenUsage: Histogram;
}

/** The conventions' boundaries. */
const durationBoundaries = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
const gapBoundaries = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5];
const tokenBoundaries = Array.from({ length: 14 }, (_, power) => 4 ** power);

function createInstruments(meter: Meter): Instruments {
  const histogram = (name: string, [unit, description]: [string, string], boundaries: number[]): Histogram =>
    meter.createHistogram(`gen_ai.client.${name}`, {
      unit,
      description,
      advice: { explicitBucketBoundaries: boundaries },
    });
  return {
    duration: histogram('operation.duration', ['s', 'How long answers take'], durationBoundaries),
    timeToFirstChunk: histogram(
      'operation.time_to_first_chunk',
      ['s', 'From asking to the first content'],
      durationBoundaries,
    ),
    timePerOutputChunk: histogram(
      'operation.time_per_output_chunk',
      ['s', 'From one piece of content to the next'],
      gapBoundaries,
    ),
    tokenUsage: histogram('token.usage', ['{token}', 'Tokens in and out'], tokenBoundaries),
  };
}

function record(instruments: Instruments, answer: AnswerMetrics, common: Attributes): void {
  const { durationMs, timeToFirstTokenMs, gapsMs, usage } = answer;
  instruments.duration.record(durationMs / 1000, common);
  if (timeToFirstTokenMs !== undefined)
    instruments.timeToFirstChunk.record(timeToFirstTokenMs / 1000, common);
  for (const gapMs of gapsMs) instruments.timePerOutputChunk.record(gapMs / 1000, common);
  if (usage === undefined) return;
  instruments.tokenUsage.record(inputTokensOf(usage), { ...common, 'gen_ai.token.type': 'input' });
  instruments.tokenUsage.record(usage.output_tokens, { ...common, 'gen_ai.token.type': 'output' });
}

function finish(span: Span, answer: AnswerMetrics): void {
  const { errorCode, ending } = answer;
  span.setAttributes(attributesOfAnswer(answer));
  for (const { number, kind, error } of answer.attempts) {
    if (kind !== 'first') span.addEvent(`millrace.${kind}`, { 'millrace.attempt': number });
    if (error instanceof Error && ending !== 'aborted') span.addEvent('exception', describe(error));
  }
  if (ending !== 'complete' && ending !== 'aborted') {
    span.setStatus({ code: SpanStatusCode.ERROR, message: errorCode ?? ending });
  }
  span.end();
}

/** Of an error, its kind: a message may quote what was answered. */
function describe(error: Error): Attributes {
  const { code } = error as { code?: unknown };
  return withoutNothing({
    'exception.type': error.name,
    'error.type': typeof code === 'string' ? code : undefined,
  });
}

/** What every figure and the span have in common. */
function attributesOfRequest({ params, isStreamed, baseURL }: AnswerRequested): Attributes {
  const { temperature, top_p, top_k, stop_sequences, max_tokens, model } = params as MessageParams & {
    top_p?: number;
    top_k?: number;
  };
  const { hostname, port, protocol } = new URL(baseURL);
  return withoutNothing({
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': 'anthropic',
    'gen_ai.request.model': model,
    'gen_ai.request.max_tokens': max_tokens,
    'gen_ai.request.temperature': temperature,
    'gen_ai.request.top_p': top_p,
    'gen_ai.request.top_k': top_k,
    'gen_ai.request.stop_sequences': stop_sequences === undefined ? undefined : [...stop_sequences],
    'gen_ai.request.stream': isStreamed,
    'server.address': hostname,
    'server.port': Number(port) || (protocol === 'http:' ? 80 : 443),
  });
}

function commonOf(request: Attributes, { errorCode, responseModel }: AnswerMetrics): Attributes {
  const names = ['gen_ai.operation.name', 'gen_ai.provider.name', 'gen_ai.request.model'];
  const own = [...names, 'server.address', 'server.port'].map((name) => [name, request[name]]);
  return withoutNothing({
    ...(Object.fromEntries(own) as Attributes),
    'gen_ai.response.model': responseModel,
    'error.type': errorCode,
  });
}

function attributesOfAnswer(answer: AnswerMetrics): Attributes {
  const { usage, stopReason, timeToFirstTokenMs } = answer;
  return withoutNothing({
    'gen_ai.response.id': answer.messageId,
    'gen_ai.response.model': answer.responseModel,
    'gen_ai.response.finish_reasons': stopReason === undefined ? undefined : [stopReason],
    'gen_ai.response.time_to_first_chunk':
      timeToFirstTokenMs === undefined ? undefined : timeToFirstTokenMs / 1000,
    'gen_ai.usage.input_tokens': usage === undefined ? undefined : inputTokensOf(usage),
    'gen_ai.usage.output_tokens': usage?.output_tokens,
    'gen_ai.usage.cache_read.input_tokens': usage?.cache_read_input_tokens ?? undefined,
    'gen_ai.usage.cache_write.input_tokens': usage?.cache_creation_input_tokens ?? undefined,
    'error.type': answer.errorCode,
    'millrace.ending': answer.ending,
    'millrace.retries': answer.retries,
    'millrace.recoveries': answer.recoveries,
    'millrace.fallbacks': answer.fallbacks,
    'millrace.tokens_per_second': answer.tokensPerSecond,
  });
}

/** As JSON, in the wire's own shape. */
function attributesOfContent({ params, message }: AnswerContent): Attributes {
  const { system, messages } = params;
  return withoutNothing({
    'gen_ai.system_instructions': system === undefined ? undefined : JSON.stringify(system),
    'gen_ai.input.messages': JSON.stringify(messages),
    'gen_ai.output.messages':
      message === undefined ? undefined : JSON.stringify([{ role: message.role, content: message.content }]),
  });
}

function withoutNothing(attributes: Attributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}
