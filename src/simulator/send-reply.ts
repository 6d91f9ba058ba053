// An answer that is sent step by step, with the faults the request asked for.

import type { Exchange } from './exchange.ts';
import { applyFaults } from './faults/apply-faults.ts';
import { acceptsGzip } from './gzip-frames.ts';
import { toNetworkWrites } from './network-writes.ts';
import type { Reply } from './reply.ts';
import { sendSteps } from './send-steps.ts';
import { toFrames } from './step.ts';
import type { Step, EventsStep } from './step.ts';

/** Without faults the reply leaves as it is. */
export async function sendReply(exchange: Exchange, planned: Reply<Step | EventsStep>): Promise<void> {
  const { simulation, record, outlet, requestId } = exchange;
  const context = { requestId, random: exchange.random('faults') };
  const reply =
    exchange.faults.length === 0
      ? planned
      : applyFaults({ ...planned, steps: toFrames(planned.steps) }, exchange.faults, context);
  const { delayMs, status, headers, isFromEdge, isCompressible = true } = reply;
  if (delayMs > 0) await outlet.pause(delayMs);
  if (!outlet.isOpen) return;
  const isCompressed = isCompressible && acceptsGzip(exchange.request.headers['accept-encoding']);
  if (status !== undefined) {
    if (isCompressed) outlet.compress();
    exchange.begin(status, {
      ...headers,
      ...(isCompressed ? { 'content-encoding': 'gzip' } : {}),
      ...(isFromEdge ? exchange.networkHeaders() : exchange.headers(status)),
    });
  }
  const onSent = (byteCount: number, eventCount: number): void => {
    record.eventsSent += eventCount;
    record.bytesSent += byteCount;
    simulation.log.changed(record);
  };
  // Compressed events leave one by one: each ends with a flush of its own.
  const writes = isCompressed ? toNetworkWrites(reply.steps, 1) : toNetworkWrites(reply.steps);
  const steps = reply.isStream ? writes : toFrames(reply.steps);
  await sendSteps(steps, { outlet, clock: simulation.clock, onSent });
}
