// What the environment says to any client of the Messages API, by the names that the official SDK reads.

import type { ClientOptions, Logger } from './client-options.ts';

/** The options, and what the environment says where they say nothing. A credential that was passed is the only one:
 * then the environment is not read for another. */
export function withEnvironment(options: ClientOptions): ClientOptions {
  const { apiKey, authToken } = options;
  const isPassed = apiKey != null || authToken != null;
  const key = isPassed || apiKey === null ? apiKey : environment('ANTHROPIC_API_KEY');
  return {
    ...options,
    apiKey: key,
    authToken:
      isPassed || authToken === null || key != null ? authToken : environment('ANTHROPIC_AUTH_TOKEN'),
    baseURL: options.baseURL ?? environment('ANTHROPIC_BASE_URL'),
    headers: { ...environmentHeaders(), ...options.defaultHeaders, ...options.headers },
    logger: options.logger ?? environmentLogger(),
  };
}

/** A variable of the environment, without the white space that files leave around it; undefined when it is empty, and
 * where the program may not look, which Deno says by throwing. */
function environment(name: string): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  try {
    return process?.env?.[name]?.trim() || undefined;
  } catch {
    return undefined;
  }
}

/** The headers of ANTHROPIC_CUSTOM_HEADERS: a line for each, `name: value`. */
function environmentHeaders(): Record<string, string> {
  const lines = environment('ANTHROPIC_CUSTOM_HEADERS') ?? '';
  const headers = lines.matchAll(/^[ \t]*([^:\s]+)[ \t]*:(.*)$/gm);
  return Object.fromEntries(Array.from(headers, ([, name = '', value = '']) => [name, value.trim()]));
}

/** The console, where ANTHROPIC_LOG asks for what this client has to say. */
function environmentLogger(): Logger | undefined {
  return /^(?:warn|info|debug)$/.test(environment('ANTHROPIC_LOG') ?? '') ? console : undefined;
}
