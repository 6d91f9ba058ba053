// Measures variants of one task against each other: CPU time (user and system) of this process, in interleaved
// rounds after a warm-up, so that a slow minute of the machine hits all variants alike. Ratios are what counts. No
// collection is forced in between: V8 would throw away, with the last object of a class, the code compiled for it, and
// each round would pay for compiling what a program in use has compiled.

export interface Variant {
  readonly name: string;
  /** Returns something that depends on all the work, so that none of it is optimised away. */
  run(): number;
}

export interface Measurement {
  readonly name: string;
  /** Median CPU time of one run. */
  readonly cpuMs: number;
}

export interface AsyncVariant {
  readonly name: string;
  run(): Promise<number>;
}

/** Runs every variant `rounds` times in turn. */
export async function measure(
  variants: readonly (Variant | AsyncVariant)[],
  rounds = 9,
): Promise<Measurement[]> {
  const times = variants.map((): number[] => []);
  const results = variants.map((): Set<number> => new Set());
  for (let round = -2; round < rounds; round += 1) {
    for (const [index, variant] of variants.entries()) {
      const before = process.cpuUsage();
      results[index]?.add(await variant.run());
      const { user, system } = process.cpuUsage(before);
      if (round >= 0) times[index]?.push((user + system) / 1000);
    }
  }
  const unsteady = variants.find((_, index) => results[index]?.size !== 1);
  if (unsteady !== undefined) throw new Error(`"${unsteady.name}" gave another result from round to round`);
  return variants.map(({ name }, index) => ({ name, cpuMs: median(times[index] ?? []) }));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
