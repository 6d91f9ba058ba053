// How the commands that serve wait for their end.

/** Runs `close` at the first SIGINT, SIGTERM or SIGHUP and resolves after it; a second signal ends the process at once.
 * It listens from the call on: call it before anybody can know that there is something to end. */
export async function untilSignal(close: () => Promise<void>): Promise<void> {
  await new Promise<void>((resolve) => {
    const stop = (): void => {
      for (const signal of signals) {
        process.off(signal, stop);
        process.once(signal, () => process.exit(exitCodeOf[signal]));
      }
      resolve();
    };
    for (const signal of signals) process.on(signal, stop);
  });
  await close();
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const exitCodeOf = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
