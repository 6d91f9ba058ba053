/** The same promise; when nobody looks at it, it fails without a noise, and does not end the process. */
export function quiet<Value>(promise: Promise<Value>): Promise<Value> {
  promise.catch(() => undefined);
  return promise;
}
