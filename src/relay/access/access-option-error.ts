// A configuration that cannot be meant, or would not be safe: found at the start, not by who is refused later.

export class AccessOptionError extends RangeError {
  override readonly name = 'AccessOptionError';
  readonly code = 'invalid_access';
  /** Where the value stands, such as `access.keys[0].secret`. */
  readonly field: string;
  /** What is wrong with it; never the value of a secret. */
  readonly reason: string;

  constructor(field: string, reason: string) {
    super(`${field}: ${reason}`);
    this.field = field;
    this.reason = reason;
  }
}
