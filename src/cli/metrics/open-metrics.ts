// What `millrace serve` tells of itself: `/metrics`, and traces and figures for an OpenTelemetry SDK that is loaded in
// front of it (`node --import`).

import { createMeterTelemetry } from '../../relay/index.ts';
import type { RelayOptions, RelayTelemetry } from '../../relay/index.ts';
import { createYoungGeneration } from '../young-generation.ts';
import { watchProcess } from './process-figures.ts';
import { PrometheusMeter, prometheusType } from './prometheus-meter.ts';

type MetricsOptions = Required<Pick<RelayOptions, 'telemetry' | 'metricsPage'>>;

export async function openMetrics(
  resources: DisposableStack | AsyncDisposableStack,
): Promise<MetricsOptions> {
  const meter = new PrometheusMeter();
  resources.defer(watchProcess(meter));
  return {
    telemetry: [createMeterTelemetry(meter), createYoungGeneration(), ...(await loadedSdk())],
    metricsPage: async () => ({ contentType: prometheusType, text: await meter.text() }),
  };
}

/** Where OpenTelemetry puts what its SDK registers, for every copy of its API of this major version. */
const registry = Symbol.for('opentelemetry.js.api.1');

/** Nothing where no SDK is: its API is not even there then. */
async function loadedSdk(): Promise<readonly RelayTelemetry[]> {
  if ((globalThis as { [registry]?: unknown })[registry] === undefined) return [];
  const { createRelayOpenTelemetry } = await import('../../relay/otel.ts');
  return [createRelayOpenTelemetry()];
}
