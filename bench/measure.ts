// Measures variants of one task against each other: CPU time (user and system) of this process, in interleaved
// rounds after a warm-up, so that a slow minute of the machine hits all variants alike. Ratios are what counts.

export interface Variant {
  readonly name: string;
  run(): unknown;
}

export interface Measurement {
  readonly name: string;
  /** Median CPU time of one run. */
  readonly cpuMs: number;
}

/** Runs every variant `rounds` times in turn. What `run` returns is kept from being optimised away. */
export async function measure(variants: readonly Variant[], rounds = 9): Promise<Measurement[]> {
  const times = variants.map((): number[] => []);
  for (let round = -2; round < rounds; round += 1) {
    for (const [index, variant] of variants.entries()) {
      globalThis.gc?.();
      const before = process.cpuUsage();
      sink = await variant.run();
      const { user, system } = process.cpuUsage(before);
      if (round >= 0) times[index]?.push((user + system) / 1000);
    }
  }
  return variants.map(({ name }, index) => ({ name, cpuMs: median(times[index] ?? []) }));
}

/** Holds the last result. */
export let sink: unknown;

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
