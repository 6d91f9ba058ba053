// What can go wrong with the simulator itself. What it answers its clients are the API's own errors: api-errors.ts.

export type SimulatorErrorCode =
  /** Another program listens on the port. */
  | 'port_in_use'
  /** The system did not let it listen there. */
  | 'cannot_listen'
  /** The simulator was closed before what was asked of it, or waited for, came about. */
  | 'simulator_closed'
  /** A scenario, or a reply, that is none. */
  | 'invalid_scenario'
  /** A recording could not be written, or not on. */
  | 'cannot_record'
  /** An answer is larger than a recording may be. */
  | 'recording_too_large'
  /** What should be replayed is no recording. */
  | 'bad_recording';

/** The simulator or its recorder could not start or go on, was closed too early, or cannot do what it is told. */
export class SimulatorError extends Error {
  override readonly name = 'SimulatorError';
  readonly code: SimulatorErrorCode;

  constructor(code: SimulatorErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
  }
}
