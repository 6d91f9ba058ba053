// Requests that cannot be served. The message of a RequestError names the field and what is wanted.

export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code = 'invalid_request_error';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What a call rejects with that the relay's own end cuts short; the client sees a 503. */
export class ClosingError extends Error {
  override readonly name = 'ClosingError';

  constructor() {
    super('The relay is shutting down');
  }
}
