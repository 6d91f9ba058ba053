// A signal that aborts with any of several others. It lets go of them when it is disposed of, so that one that lives
// as long as the relay gathers no listeners.

export interface LinkedSignal extends Disposable {
  readonly signal: AbortSignal;
}

export function linkSignals(sources: readonly AbortSignal[]): LinkedSignal {
  const controller = new AbortController();
  const follow = (event: Event): void => controller.abort((event.target as AbortSignal).reason);
  for (const source of sources) {
    if (source.aborted) controller.abort(source.reason);
    source.addEventListener('abort', follow);
  }
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      for (const source of sources) source.removeEventListener('abort', follow);
    },
  };
}
