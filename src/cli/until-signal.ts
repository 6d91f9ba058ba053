// How the commands that serve wait for their end.

/** Runs `close` at the first SIGINT or SIGTERM and resolves after it; a second signal ends the process at once. */
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

const signals = ['SIGINT', 'SIGTERM'] as const;

const exitCodeOf = { SIGINT: 130, SIGTERM: 143 } as const;
