import type { CallOptions } from './call-settings.ts';

/** Options by the official SDK's names as this client's own, which hold over them. */
export function withOwnNames<Options extends CallOptions>(options: Options): Options {
  const { timeout, timeouts, maxRetries, retry } = options;
  return { ...options, timeouts: { headersMs: timeout, ...timeouts }, retry: { maxRetries, ...retry } };
}
