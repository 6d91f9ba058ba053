// Randomness that repeats: everything the simulator draws is a function of the seed and of what it is for.

/** The next number of a fixed sequence, in [0, 1). */
export type Random = () => number;

/**
 * A sequence of its own for each list of labels. 128 bits of state (the sfc32 generator), so that the ids of
 * a hundred thousand requests do not collide.
 */
export function createRandom(...labels: readonly (number | string)[]): Random {
  const text = labels.join('\0');
  let [a, b, c, d] = [hash(text, 1), hash(text, 2), hash(text, 3), 1];
  const next = (): number => {
    const sum = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return (sum >>> 0) / 2 ** 32;
  };
  // The first outputs still show the seed.
  for (let round = 0; round < 12; round += 1) next();
  return next;
}

/** A whole number from `low` to `high`, both included. */
export function drawInteger(random: Random, low: number, high: number): number {
  return low + Math.floor(random() * (high - low + 1));
}

/**
 * The value at `rank`, from 0 to 1, of a distribution given by its quantiles, which lie evenly between the least and
 * the most. Between two of them it is as likely to be near the one as near the other.
 */
export function drawQuantile(quantiles: readonly number[], rank: number): number {
  const position = rank * (quantiles.length - 1);
  const below = Math.floor(position);
  const low = quantiles[below] ?? 0;
  return low + (position - below) * ((quantiles[below + 1] ?? low) - low);
}

export function drawBytes(random: Random, count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, () => drawInteger(random, 0, 255)));
}

/** FNV-1a. */
function hash(text: string, salt: number): number {
  let value = Math.imul(0x811c9dc5 ^ salt, 0x01000193);
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value ^ (value >>> 15);
}
