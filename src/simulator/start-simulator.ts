// The simulator as a server: it starts, it counts its requests, it closes.

import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { toAuthority } from './check-caller.ts';
import { Exchange, simulatorHeader } from './exchange.ts';
import type { Simulation } from './exchange.ts';
import { FaultControl } from './faults/fault-control.ts';
import type { Faults } from './faults/fault-control.ts';
import { FaultPlans } from './faults/fault-plans.ts';
import { handleRequest } from './handle-request.ts';
import { createId, createUuid } from './ids.ts';
import { listen } from './listen.ts';
import { resolveOptions } from './options.ts';
import type { Settings, SimulatorOptions } from './options.ts';
import { PromptCache } from './prompt-cache.ts';
import { createRandom } from './random.ts';
import { RateLimits } from './rate-limits.ts';
import { openReplay } from './replay/open-replay.ts';
import { RequestLog } from './request-log.ts';
import type { RecordedRequest } from './request-log.ts';

export interface Simulator extends AsyncDisposable {
  /** What a client takes as its base URL: `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly port: number;
  /** The requests received, oldest first: at most the last 1,000, and fewer when their bodies exceed 64 MiB. */
  readonly requests: readonly RecordedRequest[];
  /** What goes wrong. */
  readonly faults: Faults;
  /**
   * Resolves with the first request, received already or to come, for which the predicate holds. It is asked again
   * when a request's body has arrived, with every event sent, and when its connection has closed. Rejects with a
   * SimulatorError `simulator_closed` when the simulator closes first, and with what the predicate throws.
   */
  waitFor(predicate: (request: RecordedRequest) => boolean): Promise<RecordedRequest>;
  /** Stops listening and ends all connections, answers under way included. Idempotent. */
  close(): Promise<void>;
}

/**
 * Starts a local Messages API that answers as the real one does on the wire, from built-in texts.
 *
 * Rejects with a SimulatorError when it cannot listen (`port_in_use`, `cannot_listen`) or not replay (`bad_recording`),
 * and with a RangeError for an option out of range. Must be closed by the caller.
 *
 * @example
 * await using simulator = await startSimulator({ speed: 0 });
 * const client = new Anthropic({ apiKey: 'any', baseURL: simulator.url });
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const settings = resolveOptions(options);
  const server = createServer();
  let port = settings.port;
  const simulation = createSimulation(settings, (server) => listen(server, { host: settings.host, port }));
  const { faults } = simulation;
  if (settings.faults !== undefined) await faults.set(settings.faults);
  await listen(server, settings);
  port = (server.address() as AddressInfo).port;
  faults.attach(server);
  await faults.apply();
  const underWay = answerRequests(server, simulation, { host: settings.host, port });
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= closeAll(server, simulation, underWay));
  return {
    url: `http://${toAuthority(reachable[settings.host] ?? settings.host)}:${port}`,
    port,
    requests: simulation.log.requests,
    faults,
    waitFor: (predicate) => simulation.log.waitFor(predicate),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** The address under which this computer reaches itself when all addresses are listened on. */
const reachable: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };

function createSimulation(settings: Settings, listenAgain: (server: Server) => Promise<void>): Simulation {
  const faultPlans = new FaultPlans(settings.seed, settings.clock);
  const random = createRandom(settings.seed, 'organization');
  return {
    settings,
    clock: settings.clock,
    limits: new RateLimits(settings.clock),
    promptCache: new PromptCache(settings.clock),
    faultPlans,
    faults: new FaultControl(faultPlans, listenAgain),
    log: new RequestLog(),
    replay: settings.replay === undefined ? undefined : openReplay(settings.replay, settings.match),
    organizationId: createUuid(random),
    workspaceId: createId('workspace', random),
  };
}

/** The set holds what is being answered now. */
function answerRequests(
  server: Server,
  simulation: Simulation,
  listening: { host: string; port: number },
): Set<Promise<void>> {
  const underWay = new Set<Promise<void>>();
  let requestCount = 0;
  server.on('request', (request, response) => {
    requestCount += 1;
    const exchange = new Exchange(simulation, requestCount, [request, response]);
    const answering = handleRequest(exchange, listening).finally(() => underWay.delete(answering));
    underWay.add(answering);
  });
  // Bytes that are not HTTP.
  server.on('clientError', (_error, socket) => {
    if (!socket.writable) return socket.destroy();
    const headers = Object.entries(simulatorHeader).map(([name, value]) => `${name}: ${value}\r\n`);
    return socket.end(`HTTP/1.1 400 Bad Request\r\nconnection: close\r\n${headers.join('')}\r\n`);
  });
  return underWay;
}

async function closeAll(server: Server, { log }: Simulation, underWay: Set<Promise<void>>): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  server.closeAllConnections();
  await closed;
  await Promise.all(underWay);
  log.close();
}
