// One request and its answer, with what both need from the simulator.

import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';

import type { Clock } from './clock.ts';
import { faultHeader } from './faults/choose-faults.ts';
import type { FaultControl } from './faults/fault-control.ts';
import type { FaultPlans } from './faults/fault-plans.ts';
import type { AppliedFault } from './faults/fault.ts';
import { createHex, createId } from './ids.ts';
import type { Settings } from './options.ts';
import { Outlet } from './outlet.ts';
import type { PromptCache } from './prompt-cache.ts';
import { createRandom } from './random.ts';
import type { Random } from './random.ts';
import type { RateLimits } from './rate-limits.ts';
import type { Replay } from './replay/open-replay.ts';
import { maskHeaders } from './request-log.ts';
import type { RequestLog, RequestRecord } from './request-log.ts';
import type { Script } from './scenario/script.ts';
import { edgeHeaders, toWireHeaders } from './wire-headers.ts';

/** What all exchanges of a simulator share. */
export interface Simulation {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly limits: RateLimits;
  readonly promptCache: PromptCache;
  readonly faultPlans: FaultPlans;
  /** The plan for requests that bring none. */
  readonly faults: FaultControl;
  /** What is answered to whom. */
  readonly script: Script;
  readonly log: RequestLog;
  /** What answers come from instead of being made up. */
  readonly replay: Replay | undefined;
  readonly organizationId: string;
  readonly workspaceId: string;
}

/** The ids of the first request are a second later. */
const firstIdMs = Date.UTC(2026, 9, 21);

export class Exchange {
  readonly simulation: Simulation;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly record: RequestRecord;
  readonly outlet: Outlet;
  readonly requestId: string;
  /** The time its ids say: not the clock's, so that the same seed gives the same bytes on any day. */
  readonly beganAtMs: number;
  readonly path: string;
  readonly query: URLSearchParams;
  /** What the request counts against. */
  limits: RateLimits;
  /** Whether a fault plan was chosen; the plan may have no faults for this request. */
  hasPlan = false;

  constructor(
    simulation: Simulation,
    number: number,
    [request, response]: [IncomingMessage, ServerResponse],
  ) {
    this.simulation = simulation;
    this.limits = simulation.limits;
    this.request = request;
    this.response = response;
    const [path = '', ...query] = (request.url ?? '').split('?');
    this.path = path;
    this.query = new URLSearchParams(query.join('?'));
    this.outlet = new Outlet(response, simulation.clock);
    this.record = createRecord(request, response, number);
    this.beganAtMs = firstIdMs + number * 1000;
    this.requestId = createId('request', this.random('request'), this.beganAtMs);
    simulation.log.add(this.record);
    void this.record.closed.then(() => simulation.log.changed(this.record));
  }

  /** A sequence of its own for each purpose: drawing more of one changes nothing about another. */
  random(purpose: string): Random {
    return createRandom(this.simulation.settings.seed, this.record.number, purpose);
  }

  /** Headers of every answer of the API: who asked is in them, unless that is what is not known. */
  headers(status: number): Record<string, string> {
    const general = { 'request-id': this.requestId, ...this.networkHeaders() };
    if (status === 401) return general;
    const random = this.random('headers');
    return {
      ...general,
      'anthropic-organization-id': this.simulation.organizationId,
      'anthropic-workspace-id': this.simulation.workspaceId,
      traceresponse: `00-${createHex(32, random)}-${createHex(16, random)}-01`,
    };
  }

  /** Those of an answer that the network in front of the API gives. */
  networkHeaders(): Record<string, string> {
    return { ...edgeHeaders(this.random('edge')), ...this.ownHeaders() };
  }

  /** Headers of every answer of the simulator, which no API has. */
  ownHeaders(): Record<string, string> {
    return this.faults.length === 0
      ? simulatorHeader
      : { ...simulatorHeader, [faultHeader]: toAscii(JSON.stringify(this.faults)) };
  }

  get faults(): readonly AppliedFault[] {
    return this.record.faults;
  }

  setFaults(faults: readonly AppliedFault[]): void {
    this.record.faults = faults;
  }

  /** Begins the answer: its status and headers leave with its first bytes. */
  begin(status: number, headers: OutgoingHttpHeaders): void {
    const { shouldKeepAlive, useChunkedEncodingByDefault: isChunked } = this.response;
    const framing = isChunked && headers['content-length'] === undefined;
    this.outlet.begin(
      status,
      toWireHeaders({
        date: new Date(this.simulation.clock.now()).toUTCString(),
        connection: shouldKeepAlive ? 'keep-alive' : 'close',
        ...(framing ? { 'transfer-encoding': 'chunked' } : {}),
        ...headers,
      }),
    );
    this.record.status = status;
    this.simulation.log.changed(this.record);
  }
}

/** Says on every answer that no model gave it. */
export const simulatorHeader = { 'x-simulator': '1' } as const;

/** JSON as a header can hold it. */
function toAscii(json: string): string {
  return json.replaceAll(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

function createRecord(request: IncomingMessage, response: ServerResponse, number: number): RequestRecord {
  const record: RequestRecord = {
    number,
    method: request.method ?? '',
    path: request.url ?? '',
    headers: maskHeaders(request.headers),
    body: undefined,
    params: undefined,
    rule: undefined,
    bodyBytes: 0,
    isComplete: false,
    faults: [],
    status: undefined,
    eventsSent: 0,
    bytesSent: 0,
    closedEarly: false,
    closed: new Promise((resolve) => {
      response.once('close', () => {
        record.closedEarly = !response.writableFinished;
        resolve(record.closedEarly ? 'aborted' : 'finished');
      });
    }),
  };
  return record;
}
