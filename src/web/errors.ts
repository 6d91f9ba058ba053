// The errors of this layer: what can go wrong between the page and its relay. What the API says is an ApiError,
// what breaks the wire format a ProtocolError; both come from the protocol core.

export type FollowErrorCode =
  /** The request got no answer at all. */
  | 'unreachable'
  /** The connection broke and could not be made again. */
  | 'connection_lost'
  /** The relay does not have this stream, or has it no more. */
  | 'gone'
  /** The answer is not an event stream. */
  | 'not_a_stream'
  /** The log under the stream went on changing while it was read. */
  | 'unsteady_log';

/** A stream could not be followed to its end. */
export class FollowError extends Error {
  override readonly name = 'FollowError';
  readonly code: FollowErrorCode;

  constructor(code: FollowErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
  }
}
