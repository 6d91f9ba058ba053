// How the commands that serve wait for their end.

/** Runs `close` at the first of these signals and resolves after it; a second one ends the process at once.
 * It listens from the call on: call it before anybody can know that there is something to end. */
export async function untilSignal(
  close: (signal: EndSignal) => Promise<void>,
  signals: readonly EndSignal[] = endSignals,
): Promise<void> {
  const signal = await new Promise<EndSignal>((resolve) => {
    const stop = (signal: EndSignal): void => {
      for (const signal of signals) {
        process.off(signal, stop);
        process.once(signal, () => process.exit(exitCodeOf[signal]));
      }
      resolve(signal);
    };
    for (const signal of signals) process.on(signal, stop);
  });
  await close(signal);
}

export type EndSignal = (typeof endSignals)[number];

const endSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const exitCodeOf = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
