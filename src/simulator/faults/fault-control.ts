// The plan that is set for the whole simulator, and the refusing of connections, which no request can ask for.

import type { Server } from 'node:http';

import { ApiError } from '../../protocol/index.ts';
import type { FaultPlans } from './fault-plans.ts';
import type { Fault, FaultOf, FaultPlan, ParsedPlan } from './fault.ts';
import { parseFaultPlan } from './parse-fault-plan.ts';

/** The faults of all requests that bring none of their own. */
export interface Faults {
  /** The plan in force, as it was set. */
  readonly plan: Fault | readonly Fault[] | FaultPlan | undefined;
  /**
   * Puts a plan in force for every `POST /v1/messages` from now on, and begins to count them. Resolves when the
   * port is as the plan wants it. Rejects with a RangeError for a plan that is none, and with a SimulatorError
   * when the port was to be opened again and cannot be.
   */
  set(plan: Fault | readonly Fault[] | FaultPlan): Promise<void>;
  /** Nothing fails any more. */
  clear(): Promise<void>;
}

/** Throws a RangeError that names the field. */
function parseFaultOption(value: unknown): ParsedPlan {
  try {
    return parseFaultPlan(value, 'faults');
  } catch (error) {
    if (error instanceof ApiError) throw new RangeError(`Cannot use the fault plan: ${error.message}`);
    throw error;
  }
}

export class FaultControl implements Faults {
  readonly #plans: FaultPlans;
  /** Opens the port again. */
  readonly #listen: (server: Server) => Promise<void>;
  #server: Server | undefined;
  #plan: Faults['plan'];
  #parsed: ParsedPlan | undefined;

  constructor(plans: FaultPlans, listen: (server: Server) => Promise<void>) {
    this.#plans = plans;
    this.#listen = listen;
  }

  get plan(): Faults['plan'] {
    return this.#plan;
  }

  get parsed(): ParsedPlan | undefined {
    return this.#parsed;
  }

  /** Begins to refuse connections to a server that listens, where the plan wants it. */
  attach(server: Server): void {
    this.#server = server;
    server.on('connection', (socket) => {
      if (this.#refusal('accept', true) !== undefined) socket.resetAndDestroy();
    });
  }

  async set(plan: NonNullable<Faults['plan']>): Promise<void> {
    const parsed = parseFaultOption(plan);
    this.#plans.forget(parsed);
    [this.#plan, this.#parsed] = [plan, parsed];
    await this.apply();
  }

  async clear(): Promise<void> {
    [this.#plan, this.#parsed] = [undefined, undefined];
    await this.apply();
  }

  /** Makes the port what the plan says. Who is connected already and asks nothing has to connect again. */
  async apply(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    const isClosed = this.#refusal('port', false) !== undefined;
    if (isClosed && server.listening) server.close();
    if (!isClosed && !server.listening) await this.#listen(server);
    if (this.#parsed?.faults.some(({ kind }) => kind === 'refuse') === true) server.closeIdleConnections();
  }

  /** A closed port cannot count who knocks. */
  #refusal(by: FaultOf<'refuse'>['by'], isCounted: boolean): unknown {
    const plan = this.#parsed;
    const isRefusal = (fault: ParsedPlan['faults'][number]): boolean =>
      fault.kind === 'refuse' && fault.by === by;
    if (plan === undefined || !plan.faults.some(isRefusal)) return undefined;
    const due = isCounted ? this.#plans.next(plan, 'connections') : plan.faults;
    return due.find(isRefusal);
  }
}
