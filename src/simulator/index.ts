// The door of the simulator: a local Messages API, faithful to the wire.

export type { Clock } from './clock.ts';
export { SimulatorError } from './errors.ts';
export type { SimulatorErrorCode } from './errors.ts';
export type { Faults } from './faults/fault-control.ts';
export type { AppliedFault, Fault, FaultKind, FaultPlan } from './faults/fault.ts';
export type { SimulatorOptions } from './options.ts';
export type { RecordedRequest } from './request-log.ts';
export { seamKinds } from './seam.ts';
export type { SeamKind } from './seam.ts';
export { startSimulator } from './start-simulator.ts';
export type { Simulator } from './start-simulator.ts';
