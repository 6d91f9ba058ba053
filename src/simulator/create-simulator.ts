// The simulator without a port: it counts its requests, answers those that come over connections in memory, closes.

import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';

import { createFetch } from './create-fetch.ts';
import { SimulatorError } from './errors.ts';
import { Exchange, simulatorHeader } from './exchange.ts';
import type { Simulation } from './exchange.ts';
import { FaultControl } from './faults/fault-control.ts';
import type { Faults } from './faults/fault-control.ts';
import { FaultPlans } from './faults/fault-plans.ts';
import { handleRequest } from './handle-request.ts';
import type { Listening } from './handle-request.ts';
import { createId, createUuid } from './ids.ts';
import { MemorySocket } from './memory-socket.ts';
import { resolveOptions } from './options.ts';
import type { Settings, SimulatorOptions } from './options.ts';
import { PromptCache } from './prompt-cache.ts';
import { createRandom } from './random.ts';
import { RateLimits } from './rate-limits.ts';
import { openReplay } from './replay/open-replay.ts';
import { RequestLog } from './request-log.ts';
import type { RecordedRequest } from './request-log.ts';
import type { Scenario, ScenarioRule, ScriptedReply, When } from './scenario/scenario.ts';
import { Script } from './scenario/script.ts';

/** A simulator that only its own `fetch` reaches. */
export interface InProcessSimulator extends AsyncDisposable {
  /**
   * Asks this simulator, whatever the host in the URL, without any socket: with the same answers, streams and
   * faults. For `new Anthropic({ fetch: simulator.fetch })`. Rejects as the platform's does, with a TypeError
   * `fetch failed`, when nobody answers. Compressed only when the request has an `accept-encoding`.
   */
  readonly fetch: typeof globalThis.fetch;
  /** The requests received, oldest first: at most the last 1,000, and fewer when their bodies exceed 64 MiB. */
  readonly requests: readonly RecordedRequest[];
  /** What goes wrong. */
  readonly faults: Faults;
  /** The rules of the scenario, and the replies set, that have not answered all they are for, by name. */
  readonly unusedRules: readonly string[];
  /**
   * Sets the reply to one request: to the next, or to the next that `when` fits. Replies set earlier come first, and
   * all of them before the rules of the scenario. Throws a SimulatorError `invalid_scenario`.
   */
  reply(reply: ScriptedReply, when?: When): void;
  /**
   * Puts a scenario in force from now on, in place of what was scripted until now, replies included; without one
   * the built-in answers come again. Throws a SimulatorError `invalid_scenario`, and then nothing has changed.
   */
  script(scenario?: Scenario | readonly ScenarioRule[]): void;
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
 * A local Messages API that listens nowhere and is asked by its own `fetch`.
 *
 * Throws a RangeError for an option out of range, and a SimulatorError `invalid_scenario`. Must be closed by the
 * caller.
 *
 * @example
 * await using simulator = createSimulator({ speed: 0 });
 * const client = new Anthropic({ apiKey: 'any', fetch: simulator.fetch });
 */
export function createSimulator(options: Omit<SimulatorOptions, 'port' | 'host'> = {}): InProcessSimulator {
  return toInterface(assembleSimulator(resolveOptions(options)));
}

/** The parts of a simulator, for whoever makes it listen. */
export interface Assembly {
  readonly server: Server;
  readonly simulation: Simulation;
  readonly fetch: typeof globalThis.fetch;
  readonly close: () => Promise<void>;
}

/** As the API, it does not announce when it closes an idle connection: so that is long. */
const idleConnectionMs = 60_000;

/** `whereListening` says what the server is called by those who reach it over the network. */
export function assembleSimulator(settings: Settings, whereListening?: () => Listening): Assembly {
  // One without a Host is refused as one with a foreign Host is: in the API's shape, and not by node:http in its own.
  const server = createServer({ keepAliveTimeout: idleConnectionMs, requireHostHeader: false });
  const simulation = createSimulation(settings);
  simulation.faults.attach(server);
  const underWay = answerRequests(server, simulation, whereListening);
  const sockets = new Set<MemorySocket>();
  let closing: Promise<void> | undefined;
  const connect = (): MemorySocket => {
    if (closing !== undefined) {
      throw new SimulatorError('simulator_closed', 'Cannot ask the simulator: it was closed');
    }
    if (simulation.faults.isPortRefused) {
      throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    }
    const ends = MemorySocket.createPair();
    sockets.add(ends.server);
    ends.server.once('close', () => sockets.delete(ends.server));
    // As with a real one, the caller has its end before anything happens on it.
    queueMicrotask(() => server.emit('connection', ends.server));
    return ends.client;
  };
  const closeAll = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
    server.closeAllConnections();
    for (const socket of sockets) socket.destroy();
    await closed;
    await Promise.all(underWay);
    simulation.log.close();
  };
  return { server, simulation, fetch: createFetch(connect), close: () => (closing ??= closeAll()) };
}

export function toInterface({ simulation, fetch, close }: Assembly): InProcessSimulator {
  const { log, faults, script } = simulation;
  return {
    fetch,
    requests: log.requests,
    faults,
    get unusedRules() {
      return script.unusedRules;
    },
    reply: (reply, when) => script.reply(reply, when),
    script: (scenario) => script.set(scenario),
    waitFor: (predicate) => log.waitFor(predicate),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function createSimulation(settings: Settings): Simulation {
  const faultPlans = new FaultPlans(settings.seed, settings.clock);
  const random = createRandom(settings.seed, 'organization');
  const faults = new FaultControl(faultPlans);
  if (settings.faults !== undefined) faults.use(settings.faults);
  const script = new Script();
  if (settings.scenario !== undefined) script.set(settings.scenario);
  return {
    settings,
    clock: settings.clock,
    limits: new RateLimits(settings.clock),
    promptCache: new PromptCache(settings.clock),
    faultPlans,
    faults,
    script,
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
  whereListening: (() => Listening) | undefined,
): Set<Promise<void>> {
  const underWay = new Set<Promise<void>>();
  let requestCount = 0;
  server.on('request', (request, response) => {
    requestCount += 1;
    request.url = toOriginForm(request.url ?? '');
    const exchange = new Exchange(simulation, requestCount, [request, response]);
    const listening = isInMemory(request) ? undefined : whereListening?.();
    const answering = handleRequest(exchange, listening).finally(() => underWay.delete(answering));
    underWay.add(answering);
  });
  server.on('clientError', refuseBytes);
  return underWay;
}

const badRequest = '400 Bad Request';

/** By the code of the error that node:http has with the bytes; what is not here is not HTTP. */
const statusLines: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
};

/** Answers bytes that do not come to a request. */
function refuseBytes({ code = '' }: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const headers = Object.entries(simulatorHeader).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${statusLines[code] ?? badRequest}\r\nconnection: close\r\n${headers.join('')}\r\n`);
}

/** To what it takes for a proxy a client writes whole URLs; a server takes them too (RFC 9112, section 3.2.2). */
function toOriginForm(target: string): string {
  return target.replace(/^https?:\/\/[^/?]*/i, '');
}

function isInMemory({ socket }: IncomingMessage): boolean {
  return (socket as unknown) instanceof MemorySocket;
}
