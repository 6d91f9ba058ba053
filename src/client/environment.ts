// What the environment says to any client of the Messages API, by the names that the official SDK reads.

import type { Logger } from './api-connection.ts';

/** A variable of the environment, without the white space that files leave around it; undefined when it is empty, and
 * where the program may not look, which Deno says by throwing. */
export function environment(name: string): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  try {
    return process?.env?.[name]?.trim() || undefined;
  } catch {
    return undefined;
  }
}

/** The headers of ANTHROPIC_CUSTOM_HEADERS: a line for each, `name: value`. */
export function environmentHeaders(): Record<string, string> {
  const lines = environment('ANTHROPIC_CUSTOM_HEADERS') ?? '';
  const headers = lines.matchAll(/^[ \t]*([^:\s]+)[ \t]*:(.*)$/gm);
  return Object.fromEntries(Array.from(headers, ([, name = '', value = '']) => [name, value.trim()]));
}

/** The console, where ANTHROPIC_LOG asks for what this client has to say. */
export function environmentLogger(): Logger | undefined {
  return /^(?:warn|info|debug)$/.test(environment('ANTHROPIC_LOG') ?? '') ? console : undefined;
}
