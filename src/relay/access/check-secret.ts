// What a secret must be that others present, or that signs what they present.

import { AccessOptionError } from './access-option-error.ts';

/** Never says what it is. */
export function checkSecret(value: unknown, field: string): void {
  if (typeof value !== 'string') throw new AccessOptionError(field, 'must be a string');
  const { length } = value;
  if (length < 32 || length > 512)
    throw new AccessOptionError(field, `must have 32 to 512 characters, not ${length}`);
  if (!/^[!-~]+$/.test(value))
    throw new AccessOptionError(field, 'must be visible ASCII characters, as a header can hold them');
  if (new Set(value).size < 8)
    throw new AccessOptionError(field, 'must have 8 different characters or more: it can be guessed');
}
