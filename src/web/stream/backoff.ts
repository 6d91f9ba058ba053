// How long to wait before connecting again: doubling, half of it at random, so that the readers of a relay that
// was restarted do not all come back in the same instant.

const firstMs = 250;
const mostMs = 8000;

/** The wait before attempt `attempt`, counted from 0, in milliseconds; `random` is in [0, 1). */
export function backoffMs(attempt: number, random: number): number {
  const full = Math.min(mostMs, firstMs * 2 ** attempt);
  return full / 2 + (full / 2) * random;
}
