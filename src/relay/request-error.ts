// A request that cannot be served as it is. The message names the field and what is wanted.

export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly code = 'invalid_request_error';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}
