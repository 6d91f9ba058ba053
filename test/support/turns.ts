// Waiting for what happens in this process, without a clock.

/** Lets the event loop turn until `condition` holds. */
export async function turnsUntil(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise(setImmediate);
}
