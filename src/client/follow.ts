/** Makes the controller follow the signal, which may outlive many answers; returns how to let go of it. The signal
 * itself is never handed on: a platform's `fetch` would leave a listener on it. */
export function follow(signal: AbortSignal | undefined, controller: AbortController): () => void {
  const abort = (): void => controller.abort(signal?.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort);
  return () => signal?.removeEventListener('abort', abort);
}
