// Counters, histograms and gauges in memory, and their text in the format that Prometheus reads, by OpenTelemetry's
// rules for its names: https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics

import type { InstrumentOptions, MeterAttributes, MeterLike, ObservableLike } from '../../relay/index.ts';

/** Of one instrument. What is one more is counted together, as `otel_metric_overflow`. */
const maxSeries = 2000;

/** Of text/plain, by which Prometheus tells its format. */
export const prometheusType = 'text/plain; version=0.0.4; charset=utf-8';

export class PrometheusMeter implements MeterLike {
  readonly #instruments: Instrument[] = [];

  createCounter(name: string, options: InstrumentOptions): Counter {
    return this.#add(new Counter(`${nameOf(name, options)}_total`, options));
  }

  createHistogram(
    name: string,
    options: InstrumentOptions & { advice: { explicitBucketBoundaries: number[] } },
  ): PrometheusHistogram {
    return this.#add(new PrometheusHistogram(nameOf(name, options), options));
  }

  createObservableGauge(name: string, options: InstrumentOptions): Gauge {
    return this.#add(new Gauge(nameOf(name, options), options));
  }

  /** Everything as it is now. A figure that cannot be looked up is left out. */
  async text(): Promise<string> {
    await Promise.all(this.#instruments.map((instrument) => instrument.refresh()));
    return this.#instruments.map((instrument) => instrument.text()).join('');
  }

  #add<Added extends Instrument>(instrument: Added): Added {
    this.#instruments.push(instrument);
    return instrument;
  }
}

interface Instrument {
  refresh(): Promise<unknown>;
  text(): string;
}

/** The values of an instrument, by its labels. */
class SeriesMap<Value> {
  readonly #create: () => Value;
  readonly #byLabels = new Map<string, Value>();
  /** Whoever counts often does it with the same object, and mostly with that of the last time. */
  readonly #byAttributes = new WeakMap<MeterAttributes, Value>();
  #last: { readonly attributes: MeterAttributes; readonly value: Value } | undefined;

  constructor(create: () => Value) {
    this.#create = create;
  }

  of(attributes: MeterAttributes): Value {
    const last = this.#last;
    if (last?.attributes === attributes) return last.value;
    const value = this.#byAttributes.get(attributes) ?? this.#find(attributes);
    this.#last = { attributes, value };
    return value;
  }

  entries(): Iterable<[string, Value]> {
    return this.#byLabels;
  }

  #find(attributes: MeterAttributes): Value {
    const labels = labelsOf(attributes);
    const isNew = !this.#byLabels.has(labels) && this.#byLabels.size >= maxSeries;
    const value = this.#ofLabels(isNew ? 'otel_metric_overflow="true"' : labels);
    this.#byAttributes.set(attributes, value);
    return value;
  }

  #ofLabels(labels: string): Value {
    const known = this.#byLabels.get(labels);
    if (known !== undefined) return known;
    const value = this.#create();
    this.#byLabels.set(labels, value);
    return value;
  }
}

const noAttributes: MeterAttributes = {};

class Counter implements Instrument {
  readonly #name: string;
  readonly #head: string;
  readonly #series = new SeriesMap(() => ({ value: 0 }));

  constructor(name: string, options: InstrumentOptions) {
    this.#name = name;
    this.#head = headOf(name, 'counter', options);
  }

  add(value: number, attributes: MeterAttributes = noAttributes): void {
    this.#series.of(attributes).value += value;
  }

  async refresh(): Promise<void> {}

  text(): string {
    const lines = [...this.#series.entries()].map(([labels, { value }]) => lineOf(this.#name, labels, value));
    return lines.length === 0 ? '' : this.#head + lines.join('');
  }
}

interface Distribution {
  /** One more than there are boundaries; each counts what is in it alone. */
  readonly counts: number[];
  sum: number;
}

class PrometheusHistogram implements Instrument {
  readonly #name: string;
  readonly #head: string;
  readonly #boundaries: readonly number[];
  readonly #series: SeriesMap<Distribution>;

  constructor(name: string, options: InstrumentOptions & { advice: { explicitBucketBoundaries: number[] } }) {
    this.#name = name;
    this.#head = headOf(name, 'histogram', options);
    this.#boundaries = options.advice.explicitBucketBoundaries;
    this.#series = new SeriesMap(() => ({
      counts: Array(this.#boundaries.length + 1).fill(0) as number[],
      sum: 0,
    }));
  }

  record(value: number, attributes: MeterAttributes = noAttributes): void {
    const distribution = this.#series.of(attributes);
    const { counts } = distribution;
    const boundaries = this.#boundaries;
    let index = 0;
    while (index < boundaries.length && value > (boundaries[index] ?? 0)) index += 1;
    counts[index] = (counts[index] ?? 0) + 1;
    distribution.sum += value;
  }

  async refresh(): Promise<void> {}

  text(): string {
    const lines = [...this.#series.entries()].map(([labels, each]) => this.#linesOf(labels, each));
    return lines.length === 0 ? '' : this.#head + lines.join('');
  }

  #linesOf(labels: string, { counts, sum }: Distribution): string {
    const separator = labels === '' ? '' : ',';
    let total = 0;
    const buckets = counts.map((count, index) => {
      total += count;
      const bound = this.#boundaries[index] ?? '+Inf';
      return lineOf(`${this.#name}_bucket`, `${labels}${separator}le="${bound}"`, total);
    });
    return `${buckets.join('')}${lineOf(`${this.#name}_sum`, labels, sum)}${lineOf(`${this.#name}_count`, labels, total)}`;
  }
}

type Look = (result: ObservableLike) => void | Promise<void>;

class Gauge implements Instrument {
  readonly #name: string;
  readonly #head: string;
  readonly #looks: Look[] = [];
  #lines: string[] = [];

  constructor(name: string, options: InstrumentOptions) {
    this.#name = name;
    this.#head = headOf(name, 'gauge', options);
  }

  addCallback(look: Look): void {
    this.#looks.push(look);
  }

  async refresh(): Promise<void> {
    const lines: string[] = [];
    const result: ObservableLike = {
      observe: (value, attributes = noAttributes) => {
        lines.push(lineOf(this.#name, labelsOf(attributes), value));
      },
    };
    await Promise.allSettled(this.#looks.map(async (look) => look(result)));
    this.#lines = lines;
  }

  text(): string {
    return this.#lines.length === 0 ? '' : this.#head + this.#lines.join('');
  }
}

/** What a unit adds to a name; those in braces are for people. */
const suffixes: Readonly<Record<string, string>> = { s: '_seconds', By: '_bytes', '1': '_ratio' };

function nameOf(name: string, { unit }: InstrumentOptions): string {
  return name.replaceAll(/[^a-zA-Z0-9_:]/g, '_') + (suffixes[unit] ?? '');
}

function headOf(
  name: string,
  type: 'counter' | 'gauge' | 'histogram',
  { description }: InstrumentOptions,
): string {
  return `# HELP ${name} ${description.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${type}\n`;
}

function labelsOf(attributes: MeterAttributes): string {
  return Object.entries(attributes)
    .map(([name, value]) => `${name.replaceAll(/[^a-zA-Z0-9_]/g, '_')}="${escapeLabel(String(value))}"`)
    .toSorted()
    .join(',');
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function lineOf(name: string, labels: string, value: number): string {
  return `${name}${labels === '' ? '' : `{${labels}}`} ${String(value)}\n`;
}
