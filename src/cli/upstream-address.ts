// The address of the Messages API, as flags and environment give it.

/** Without a slash at its end. Throws when it is no address, or holds what does not belong in one. */
export function checkedAddress(address: string): string {
  const url = URL.parse(address);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new Error(
      `the upstream address must begin with http:// or https://, not ${JSON.stringify(address)}`,
    );
  }
  // Not quoted: what stands there may be a secret.
  if (url.username !== '' || url.password !== '')
    throw new Error('the upstream address must not hold a user or password: set ANTHROPIC_API_KEY instead');
  if (url.search !== '' || url.hash !== '' || /[?#]$/.test(address))
    throw new Error('the upstream address must end with its path: no query, no fragment');
  return address.replace(/\/+$/, '');
}
