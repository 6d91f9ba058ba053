// Runs every benchmark and writes docs/benchmarks.md. Figures move with the machine; ratios within a run are what
// counts, and the command exits 1 when one is past its target.

import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { benchProtocol } from './protocol.ts';
import type { ProtocolResult } from './protocol.ts';
import { benchStorage } from './storage.ts';

const results = benchProtocol();
const page = `# Benchmarks

Written by \`npm run bench\`. CPU time of the process (user and system), median of nine interleaved rounds; the ratio
is to the first line of each table. ${cpus().length} cores (${cpus()[0]?.model.trim()}), Node ${process.versions.node}.

## The protocol core

The peer decodes with eventsource-parser and parses each event with \`JSON.parse\`, and accumulates nothing. Streams have
the wire's bytes: padding, delta sizes of a few tokens, escapes in one delta of ten.

${results.map(tableOf).join('\n')}
${await benchStorage()}`;

process.stdout.write(page);
writeFileSync(new URL('../docs/benchmarks.md', import.meta.url), page);
const missed = results.filter(({ measurements, target }) => ratioOf(measurements, 1) > target);
for (const { task, target } of missed) process.stderr.write(`past the target of ${target}: ${task}\n`);
process.exitCode = missed.length === 0 ? 0 : 1;

function tableOf({ task, events, measurements, target }: ProtocolResult): string {
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

function ratioOf(measurements: ProtocolResult['measurements'], index: number): number {
  return (measurements[index]?.cpuMs ?? Number.NaN) / (measurements[0]?.cpuMs ?? Number.NaN);
}
