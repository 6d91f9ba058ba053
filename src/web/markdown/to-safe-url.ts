// Which addresses a link of the model may have.

const allowedProtocols: ReadonlySet<string> = new Set(['http:', 'https:', 'mailto:']);

/**
 * The address as the browser would read it, when it is absolute and of an allowed protocol; undefined otherwise.
 * Relative ones are refused too: they would lead into this page's own relay.
 */
export function toSafeUrl(address: string): URL | undefined {
  const url = URL.parse(address);
  return url !== null && allowedProtocols.has(url.protocol) ? url : undefined;
}
