// Headers that a request has once (RFC 9110, section 5.3; for Host RFC 9112, section 3.2). Of two node:http takes the
// first without a word, and what stands in front of the relay may go by the other.

const single: ReadonlySet<string> = new Set(['authorization', 'content-type', 'host']);

/** The first that is there more than once; `rawHeaders` are names and values by turns. */
export function repeatedHeader(rawHeaders: readonly string[]): string | undefined {
  const seen = new Set<string>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? '';
    if (!single.has(name)) continue;
    if (seen.has(name)) return name;
    seen.add(name);
  }
  return undefined;
}
