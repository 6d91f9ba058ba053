// How the process does, by the names of OpenTelemetry's conventions.

import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { MeterLike } from '../../relay/index.ts';

/** How often the delay of the event loop is looked at, in milliseconds. */
const resolutionMs = 20;

/** Watches from now on; the function it returns ends that. */
export function watchProcess(meter: MeterLike): () => void {
  const delay = monitorEventLoopDelay({ resolution: resolutionMs });
  delay.enable();
  const gauge = (name: string, [unit, description]: readonly [string, string], look: () => number): void => {
    meter.createObservableGauge(name, { unit, description }).addCallback((result) => result.observe(look()));
  };
  // It counts from the tick on that is due, so a loop that is never late has the delay of a tick.
  const secondsOf = (nanoseconds: number): number =>
    Math.max(0, nanoseconds / 1e9 - resolutionMs / 1000) || 0;
  gauge('nodejs.eventloop.delay.p50', ['s', 'Half of the turns are late by no more'], () =>
    secondsOf(delay.percentile(50)),
  );
  gauge('nodejs.eventloop.delay.p99', ['s', 'All but a hundredth of the turns are late by no more'], () =>
    secondsOf(delay.percentile(99)),
  );
  // Since it was last asked for: the latest peak, not the worst of all time. The last of the three, for it begins anew.
  gauge('nodejs.eventloop.delay.max', ['s', 'No turn since the last look was later'], () => {
    const maxMs = secondsOf(delay.max);
    delay.reset();
    return maxMs;
  });
  let before = performance.eventLoopUtilization();
  gauge(
    'nodejs.eventloop.utilization',
    ['1', 'The share of its time that the loop was busy since the last look'],
    () => {
      const now = performance.eventLoopUtilization();
      const { utilization } = performance.eventLoopUtilization(now, before);
      before = now;
      return utilization;
    },
  );
  gauge('process.memory.usage', ['By', 'Resident memory'], () => process.memoryUsage.rss());
  gauge('process.cpu.time', ['s', 'Processor time, of all threads'], () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  gauge('process.uptime', ['s', 'Since the process began'], () => process.uptime());
  return () => delay.disable();
}
