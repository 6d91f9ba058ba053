// What can go wrong with the simulator itself. What it answers its clients are the API's own errors: api-errors.ts.

export type SimulatorErrorCode =
  /** Another program listens on the port. */
  | 'port_in_use'
  /** The system did not let it listen there. */
  | 'cannot_listen'
  /** The simulator was closed before what was waited for came about. */
  | 'simulator_closed';

/** The simulator could not start, or was closed too early. */
export class SimulatorError extends Error {
  override readonly name = 'SimulatorError';
  readonly code: SimulatorErrorCode;

  constructor(code: SimulatorErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.code = code;
  }
}
