// The plan that is set for the whole simulator, and the refusing of connections, which no request can ask for.

import type { Server } from 'node:http';

import { ApiError } from '../../protocol/index.ts';
import type { FaultPlans } from './fault-plans.ts';
import type { FaultInput, FaultOf, ParsedPlan } from './fault.ts';
import { parseFaultInput } from './parse-fault-input.ts';

/** The faults of all requests that bring none of their own. */
export interface Faults {
  /** The plan in force, as it was set. */
  readonly plan: FaultInput | undefined;
  /**
   * Puts a plan in force for every `POST /v1/messages` from now on, and begins to count them. Resolves when the
   * port is as the plan wants it. Rejects with a RangeError for a plan that is none, and with a SimulatorError
   * when the port was to be opened again and cannot be.
   */
  set(plan: FaultInput): Promise<void>;
  /** Nothing fails any more. */
  clear(): Promise<void>;
}

/** Throws a RangeError that names the field. */
function parseFaultOption(value: unknown): ParsedPlan {
  try {
    return parseFaultInput(value, 'faults');
  } catch (error) {
    if (error instanceof ApiError) throw new RangeError(`Cannot use the fault plan: ${error.message}`);
    throw error;
  }
}

export class FaultControl implements Faults {
  readonly #plans: FaultPlans;
  #server: Server | undefined;
  /** Opens the port again; undefined where there is none. */
  #listen: (() => Promise<void>) | undefined;
  #plan: Faults['plan'];
  #parsed: ParsedPlan | undefined;

  constructor(plans: FaultPlans) {
    this.#plans = plans;
  }

  get plan(): Faults['plan'] {
    return this.#plan;
  }

  get parsed(): ParsedPlan | undefined {
    return this.#parsed;
  }

  /** Whether a port would be closed now. */
  get isPortRefused(): boolean {
    return this.#refusal('port', false) !== undefined;
  }

  /** Begins to throw out connections, where the plan wants it. */
  attach(server: Server): void {
    this.#server = server;
    server.on('connection', (socket) => {
      if (this.#refusal('accept', true) !== undefined) socket.resetAndDestroy();
    });
  }

  /** The server listens; `listen` makes it do so again. */
  async open(listen: () => Promise<void>): Promise<void> {
    this.#listen = listen;
    await this.#apply();
  }

  /** Puts a plan in force without looking at the port. Throws a RangeError for a plan that is none. */
  use(plan: FaultInput): void {
    const parsed = parseFaultOption(plan);
    this.#plans.forget(parsed);
    [this.#plan, this.#parsed] = [plan, parsed];
  }

  async set(plan: FaultInput): Promise<void> {
    this.use(plan);
    await this.#apply();
  }

  async clear(): Promise<void> {
    [this.#plan, this.#parsed] = [undefined, undefined];
    await this.#apply();
  }

  /** Makes the port what the plan says. Who is connected already and asks nothing has to connect again. */
  async #apply(): Promise<void> {
    const server = this.#server;
    if (server === undefined || this.#listen === undefined) return;
    if (this.isPortRefused && server.listening) server.close();
    if (!this.isPortRefused && !server.listening) await this.#listen();
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
