// The relay's figures on any meter of the shape that OpenTelemetry's has, by the names of its conventions for
// generative AI where they have one; docs/operating.md lists them all.

import { inputTokensOf } from '../../client/engine.ts';
import type { Usage } from '../../protocol/index.ts';
import { knownWord } from '../log-line.ts';
import type { ReaderOutcome, RelayTelemetry, StreamSummary, StreamTelemetry } from './telemetry.ts';

export type MeterAttributes = Record<string, string | number>;

/** As much of OpenTelemetry's `Meter` as is used. */
export interface MeterLike {
  createCounter(
    name: string,
    options: InstrumentOptions,
  ): { add(value: number, attributes?: MeterAttributes): void };
  createHistogram(
    name: string,
    options: InstrumentOptions & { advice: { explicitBucketBoundaries: number[] } },
  ): { record(value: number, attributes?: MeterAttributes): void };
  createObservableGauge(
    name: string,
    options: InstrumentOptions,
  ): { addCallback(callback: (result: ObservableLike) => void | Promise<void>): void };
}

export interface InstrumentOptions {
  readonly unit: string;
  readonly description: string;
}

export interface ObservableLike {
  observe(value: number, attributes?: MeterAttributes): void;
}

/** The conventions' boundaries. */
const durationBoundaries = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
const gapBoundaries = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5];
const tokenBoundaries = Array.from({ length: 14 }, (_, power) => 4 ** power);

/**
 * For the relay's option `telemetry`.
 *
 * @example
 * import { metrics } from '@opentelemetry/api';
 * createRelay({ upstream, log, settings, telemetry: [createMeterTelemetry(metrics.getMeter('millrace'))] });
 */
export function createMeterTelemetry(meter: MeterLike): RelayTelemetry {
  const instruments = createInstruments(meter);
  const answeredBy = memoAnsweredBy();
  beginAtZero(instruments);
  return {
    watch: ({ openStreams, readers, waiting, held }) => {
      observe(meter, ['millrace.streams.open', '{stream}', 'Streams that are produced here'], openStreams);
      observe(meter, ['millrace.queue.length', '{request}', 'Requests that wait for their turn'], waiting);
      observe(meter, ['millrace.readers.open', '{reader}', 'Connections that read'], readers);
      observe(
        meter,
        ['millrace.log.streams', '{stream}', 'Streams that the store holds'],
        async () => (await held()).streams,
      );
      observe(
        meter,
        ['millrace.log.size', 'By', 'What the logs of the store take'],
        async () => (await held()).bytes,
      );
    },
    begin: ({ isTakeover }) => {
      if (isTakeover) instruments.takeovers.add(1);
      return streamTelemetry(instruments, answeredBy);
    },
    readerEnded: (outcome) => {
      instruments.readersEnded.add(1, { 'millrace.outcome': outcome });
      if (readersViolations.has(outcome))
        instruments.violations.add(1, { 'millrace.violation': `reader_${outcome}` });
    },
    interrupted: () => instruments.ended.add(1, { 'millrace.ending': 'failed', 'error.type': 'interrupted' }),
    request: ({ method, route, status, durationMs }) => {
      // The answer to who reads a stream takes as long as the stream.
      instruments.requests.record(durationMs / 1000, {
        'http.request.method': method,
        'http.route': route,
        'http.response.status_code': status,
      });
    },
  };
}

const readersViolations: ReadonlySet<ReaderOutcome> = new Set(['gap', 'without_end', 'damaged']);

/** An alarm on what is not there yet would never ring at its first time. */
function beginAtZero({ violations, rewinds, takeovers }: Instruments): void {
  const ofReaders = [...readersViolations].map((outcome) => `reader_${outcome}`);
  for (const violation of [...ofReaders, 'stream_without_end'])
    violations.add(0, { 'millrace.violation': violation });
  rewinds.add(0);
  takeovers.add(0);
}

type Instruments = ReturnType<typeof createInstruments>;

/** What an answer of a model that has not begun is counted under. */
const chat = { 'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': 'anthropic' };

/** Upstream names them, and so they could be any number. */
const maxKnownModels = 100;

/** One object for each model and all its pieces: a meter may know it again. */
function memoAnsweredBy(): (model: string) => MeterAttributes {
  const known = new Map<string, MeterAttributes>();
  return (model) => {
    const attributes = known.get(model) ?? { ...chat, 'gen_ai.response.model': model };
    if (known.size < maxKnownModels) known.set(model, attributes);
    return attributes;
  };
}

function streamTelemetry(
  instruments: Instruments,
  answeredBy: (model: string) => MeterAttributes,
): StreamTelemetry {
  let common: MeterAttributes = chat;
  return {
    answered: (model) => {
      common = answeredBy(model);
    },
    firstContent: (sinceMs) => instruments.timeToFirstChunk.record(sinceMs / 1000, common),
    moreContent: (gapsMs) => {
      for (const gapMs of gapsMs) instruments.timePerOutputChunk.record(gapMs / 1000, common);
    },
    attempt: ({ kind, reason }) => {
      const cause: MeterAttributes = reason === undefined ? {} : { 'error.type': knownWord(reason) };
      instruments.attempts.add(1, { 'millrace.attempt.kind': kind, ...cause });
    },
    rewound: () => instruments.rewinds.add(1),
    end: (summary) => recordEnd(instruments, summary, common),
  };
}

function recordEnd(instruments: Instruments, summary: StreamSummary, common: MeterAttributes): void {
  const { ending, code, durationMs, usage, cost, isWithoutEnd } = summary;
  const failure: MeterAttributes = code === undefined ? {} : { 'error.type': knownWord(code) };
  instruments.ended.add(1, { 'millrace.ending': ending, ...failure });
  if (isWithoutEnd) instruments.violations.add(1, { 'millrace.violation': 'stream_without_end' });
  if (ending === 'unfinished') return;
  instruments.duration.record(durationMs / 1000, { ...common, ...failure });
  if (usage !== undefined) recordUsage(instruments, usage, common);
  if (cost !== undefined) instruments.cost.add(cost, common);
}

function recordUsage({ tokenUsage, tokens }: Instruments, usage: Usage, common: MeterAttributes): void {
  tokenUsage.record(inputTokensOf(usage), { ...common, 'gen_ai.token.type': 'input' });
  tokenUsage.record(usage.output_tokens, { ...common, 'gen_ai.token.type': 'output' });
  const kinds = {
    input: usage.input_tokens,
    output: usage.output_tokens,
    cache_read: usage.cache_read_input_tokens,
    cache_write: usage.cache_creation_input_tokens,
  };
  for (const [kind, count] of Object.entries(kinds)) {
    if (count != null && count > 0) tokens.add(count, { ...common, 'millrace.token.kind': kind });
  }
}

function observe(
  meter: MeterLike,
  [name, unit, description]: readonly [string, string, string],
  look: () => number | Promise<number>,
): void {
  meter.createObservableGauge(name, { unit, description }).addCallback(async (result) => {
    result.observe(await look());
  });
}

function createInstruments(meter: MeterLike) {
  const counter = (name: string, unit: string, description: string) =>
    meter.createCounter(name, { unit, description });
  const histogram = (name: string, [unit, description]: readonly [string, string], boundaries: number[]) =>
    meter.createHistogram(name, { unit, description, advice: { explicitBucketBoundaries: boundaries } });
  return {
    duration: histogram(
      'gen_ai.client.operation.duration',
      ['s', 'How long answers take'],
      durationBoundaries,
    ),
    timeToFirstChunk: histogram(
      'gen_ai.client.operation.time_to_first_chunk',
      ['s', 'From the request to the first content in the log'],
      durationBoundaries,
    ),
    timePerOutputChunk: histogram(
      'gen_ai.client.operation.time_per_output_chunk',
      ['s', 'From content in the log to the next'],
      gapBoundaries,
    ),
    tokenUsage: histogram(
      'gen_ai.client.token.usage',
      ['{token}', 'Tokens of answers, in and out'],
      tokenBoundaries,
    ),
    tokens: counter('millrace.tokens', '{token}', 'Tokens by kind, those of the cache apart'),
    cost: counter('millrace.cost', '{currency}', 'What answers cost, in the currency of the prices'),
    ended: counter('millrace.streams.ended', '{stream}', 'Streams by how they ended'),
    attempts: counter('millrace.attempts', '{request}', 'Requests for answers, by why they were made'),
    rewinds: counter('millrace.rewinds', '{rewind}', 'Times that readers were told to take blocks back'),
    takeovers: counter('millrace.takeovers', '{stream}', 'Streams gone on with that another process began'),
    readersEnded: counter('millrace.readers.ended', '{reader}', 'Readers by how reading ended'),
    violations: counter(
      'millrace.integrity.violations',
      '{violation}',
      'What must not happen: entries or ends missing',
    ),
    requests: histogram(
      'http.server.request.duration',
      ['s', 'How long responses take, streams included'],
      durationBoundaries,
    ),
  };
}
