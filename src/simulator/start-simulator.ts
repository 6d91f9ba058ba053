// The simulator as a server.

import type { AddressInfo } from 'node:net';

import { toAuthority } from './check-caller.ts';
import { assembleSimulator, toInterface } from './create-simulator.ts';
import type { InProcessSimulator } from './create-simulator.ts';
import { listen } from './listen.ts';
import { resolveOptions } from './options.ts';
import type { SimulatorOptions } from './options.ts';

export interface Simulator extends InProcessSimulator {
  /** What a client takes as its base URL: `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly port: number;
}

/**
 * Starts a local Messages API that answers as the real one does on the wire, from built-in texts or by a scenario.
 *
 * Rejects with a SimulatorError when it cannot listen (`port_in_use`, `cannot_listen`), cannot replay (`bad_recording`)
 * or is given a wrong scenario (`invalid_scenario`), and with a RangeError for an option out of range. Must be closed
 * by the caller.
 *
 * @example
 * await using simulator = await startSimulator({ speed: 0 });
 * const client = new Anthropic({ apiKey: 'any', baseURL: simulator.url });
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const settings = resolveOptions(options);
  const { host } = settings;
  let port = settings.port;
  const assembly = assembleSimulator(settings, () => ({ host, port }));
  const { server, simulation } = assembly;
  await listen(server, { host, port });
  port = (server.address() as AddressInfo).port;
  await simulation.faults.open(() => listen(server, { host, port }));
  const ownAddress = { url: `http://${toAuthority(reachable[host] ?? host)}:${port}`, port };
  // In place: `unusedRules` is read anew each time.
  return Object.assign(toInterface(assembly), ownAddress);
}

/** The address under which this computer reaches itself when all addresses are listened on. */
const reachable: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
