// The door of the simulator: a local Messages API, faithful to the wire.

export type { Clock } from './clock.ts';
export { createSimulator } from './create-simulator.ts';
export type { InProcessSimulator } from './create-simulator.ts';
export { SimulatorError } from './errors.ts';
export type { SimulatorErrorCode } from './errors.ts';
export type { Faults } from './faults/fault-control.ts';
export type { AppliedFault, Fault, FaultInput, FaultKind, FaultPlan } from './faults/fault.ts';
export type { MessageParam, MessagesParams, ParamBlock } from './messages-params.ts';
export type { SimulatorOptions } from './options.ts';
export type { Pace } from './pacer.ts';
export type { RecordedExchange } from './recording/proxied-exchange.ts';
export { startRecorder } from './recording/start-recorder.ts';
export type { Recorder, RecorderOptions } from './recording/start-recorder.ts';
export type { ReplayMatch } from './replay/replay-matcher.ts';
export type { RecordedRequest } from './request-log.ts';
export { loadScenario } from './scenario/load-scenario.ts';
export type * from './scenario/scenario.ts';
export { seamKinds } from './seam.ts';
export type { SeamKind } from './seam.ts';
export { startSimulator } from './start-simulator.ts';
export type { Simulator } from './start-simulator.ts';
export { VirtualClock } from './virtual-clock.ts';
