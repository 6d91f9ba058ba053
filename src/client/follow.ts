// What is to happen when a signal aborts.

/** Calls once when the signal aborts, at once when it has; returns how to let go of it. */
export function onAbort(signal: AbortSignal | undefined, call: () => void): () => void {
  if (signal?.aborted) call();
  else signal?.addEventListener('abort', call, { once: true });
  return () => signal?.removeEventListener('abort', call);
}

/** Makes the controller follow the signal, which may outlive many answers; returns how to let go of it. The signal
 * itself is never handed on: a platform's `fetch` would leave a listener on it. */
export function follow(signal: AbortSignal | undefined, controller: AbortController): () => void {
  return onAbort(signal, () => controller.abort(signal?.reason));
}
