/** A TypeError or RangeError with a code, which tells it from the platform's own: the program has to be changed. */
export function misuse<Misuse extends TypeError | RangeError>(
  error: Misuse,
): Misuse & { readonly code: 'misuse' } {
  return Object.assign(error, { code: 'misuse' as const });
}
