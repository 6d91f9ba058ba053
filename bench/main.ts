// Runs every benchmark and writes docs/benchmarks.md. Figures move with the machine; ratios within a run are what
// counts, and the command exits 1 when one is past its target.

import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { benchClient } from './client.ts';
import { benchProtocol } from './protocol.ts';
import type { BenchResult } from './protocol.ts';
import { benchRelay } from './relay.ts';
import type { RelayMeasurement } from './relay.ts';
import { benchSimulator } from './simulator.ts';
import type { SimulatorResult } from './simulator.ts';
import { benchStorage } from './storage.ts';

/** The most CPU time of the relay, as a multiple of a bare pipe. */
const relayTarget = 1.8;

const ofProtocol = await benchProtocol();
const ofClient = await benchClient();
const simulated = await benchSimulator();
const relayed = await benchRelay();
const page = `# Benchmarks

Written by \`npm run bench\`. CPU time of the process (user and system), median of five to nine interleaved rounds; the ratio
is to the first line of each table. ${cpus().length} cores (${cpus()[0]?.model.trim()}), Node ${process.versions.node}.

## The protocol core

The peer decodes with eventsource-parser and parses each event with \`JSON.parse\`, and accumulates nothing. Streams have
the wire's bytes: padding, delta sizes of a few tokens, escapes in one delta of ten.

${ofProtocol.map(tableOf).join('\n')}
## The client

First the peer is the official SDK; both read the same bytes from a \`fetch\` in memory, in a loop over all events. Then
it is the least that reads them; over HTTP the server is a process of its own.

${ofClient.map(tableOf).join('\n')}

## The simulator

The peer is @copilotkit/aimock: the same text in as many events, as fast as it is read, by a client that only counts.
Each server runs in a process of its own; what counts is its CPU time (user and system), median of seven interleaved
rounds, after six to warm up. The simulator draws sizes, padding and pings, counts tokens, and stops for a reader that
is behind; the peer does none of it.

${simulated.map(simulatorTableOf).join('\n')}
## The relay

200 streams of 50 events a second each through \`/v1/messages\`, from an upstream in a process of its own to readers in
another. The peer is the least that can stand in between: a node:http server that pipes a node:http request. The relay
has its log in SQLite, recovery on, and every event readable afterwards. CPU time is that of the process in between; the
way of an event is from upstream's write to the reader's read. Median of five interleaved rounds, after four to warm up.

${relayTable(relayed)}
${await benchStorage()}`;

process.stdout.write(page);
writeFileSync(new URL('../docs/benchmarks.md', import.meta.url), page);
const missed = [...ofProtocol, ...ofClient].filter(
  ({ measurements, target }) => ratioOf(measurements, 1) > target,
);
for (const { task, target } of missed) process.stderr.write(`past the target of ${target}: ${task}\n`);
const slow = simulated.filter((result) => gainOf(result) < result.target);
for (const { task, target } of slow) process.stderr.write(`below the target of ${target}: ${task}\n`);
const relayRatio = ratioToPipe(relayed);
if (relayRatio > relayTarget) process.stderr.write(`past the target of ${relayTarget}: the relay\n`);
process.exitCode = missed.length + slow.length === 0 && relayRatio <= relayTarget ? 0 : 1;

function ratioToPipe([pipe, relay]: readonly RelayMeasurement[]): number {
  return (relay?.cpuMicrosPerEvent ?? Number.NaN) / (pipe?.cpuMicrosPerEvent ?? Number.NaN);
}

function relayTable(measurements: readonly RelayMeasurement[]): string {
  const rows = measurements.map(
    ({ name, cpuMicrosPerEvent, p50Ms, p99Ms }) =>
      `| ${name} | ${cpuMicrosPerEvent.toFixed(1)} | ${p50Ms.toFixed(2)} | ${p99Ms.toFixed(1)} |`,
  );
  return `### 30,000 events (target: ${relayTarget} times the pipe at most; here ${ratioToPipe(measurements).toFixed(2)})

| | CPU µs/event | p50 ms | p99 ms |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}

function simulatorTableOf(result: SimulatorResult): string {
  const rows = result.measurements.map(
    ({ name, eventsPerCpuSecond }, index) =>
      `| ${name} | ${Math.round(eventsPerCpuSecond / 1000)},000 | ${gainOf(result, index).toFixed(2)} |`,
  );
  return `### ${result.task} of ${result.events.toLocaleString('en-US')} events (target: ${result.target} at least)

| | events per CPU second | ratio |
| --- | --- | --- |
${rows.join('\n')}
`;
}

function gainOf({ measurements }: SimulatorResult, index = 1): number {
  return (
    (measurements[index]?.eventsPerCpuSecond ?? Number.NaN) /
    (measurements[0]?.eventsPerCpuSecond ?? Number.NaN)
  );
}

function tableOf({ task, events, measurements, target }: BenchResult): string {
  const rows = measurements.map(
    ({ name, cpuMs }, index) =>
      `| ${name} | ${cpuMs.toFixed(0)} | ${((cpuMs * 1000) / events).toFixed(2)} | ${ratioOf(measurements, index).toFixed(2)} |`,
  );
  return `### ${task} (target: ${target} at most)

| | ms | µs/event | ratio |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}

function ratioOf(measurements: BenchResult['measurements'], index: number): number {
  return (measurements[index]?.cpuMs ?? Number.NaN) / (measurements[0]?.cpuMs ?? Number.NaN);
}
