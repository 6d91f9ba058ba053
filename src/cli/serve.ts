// `millrace serve`: the relay and its page; without a key, with the simulator as upstream in the same process.

import { isatty } from 'node:tty';
import { createNodeTransport } from '../client/node.ts';
import { createRelay } from '../relay/index.ts';
import type { Relay, UpstreamOptions } from '../relay/index.ts';
import { startRelayServer } from '../relay/node.ts';
import type { CloseOptions, RelayServer } from '../relay/node.ts';
import { startSimulator } from '../simulator/index.ts';
import { printConfig } from './config/print-config.ts';
import { misspeltVariables, readConfig } from './config/read-config.ts';
import type { ConfigSources, LoadedConfig } from './config/read-config.ts';
import { accessOf, callsOf, limitsOf, storeOptionsOf } from './config/relay-options.ts';
import { RunningConfig } from './config/running-config.ts';
import type { Config } from './config/config.ts';
import { openMetrics } from './metrics/open-metrics.ts';
import { loadAssets } from './load-assets.ts';
import { ignoreClosedOutput, note } from './note.ts';
import { openStore, parseStore } from './open-store.ts';
import type { OpenStore } from './open-store.ts';
import { packageVersion } from './package-version.ts';
import { createRelayLog } from './relay-log.ts';
import type { RelayLog } from './relay-log.ts';
import { reportStartFailure } from './report-start-failure.ts';
import { untilSignal } from './until-signal.ts';
import type { EndSignal } from './until-signal.ts';
import { checkedAddress } from './upstream-address.ts';

export interface ServeOptions extends Omit<ConfigSources, 'environment'> {
  /** Nothing is served: the configuration goes to stdout. */
  readonly printsConfig: boolean;
}

export async function serve({ printsConfig, ...given }: ServeOptions): Promise<number> {
  ignoreClosedOutput();
  try {
    const sources = { ...given, environment: process.env };
    const config = await readConfig(sources);
    for (const problem of misspeltVariables(process.env)) note(`millrace serve: ${problem}`);
    if (printsConfig) process.stdout.write(await printConfig(config));
    else await run(config, sources);
    return 0;
  } catch (error) {
    return reportStartFailure(error, 'serve');
  }
}

async function run({ values: config, files }: LoadedConfig, sources: ConfigSources): Promise<void> {
  const log = createRelayLog(config['run.logLevel']);
  await using resources = new AsyncDisposableStack();
  const running = new RunningConfig(config, {
    read: () => readConfig(sources),
    apply: (values) => apply(values),
    tell: log.tell,
  });
  const { log: store, conversations, quotas, place } = open(config, log);
  resources.use(store);
  const upstream = await openUpstream(running, resources);
  const metrics = await openMetrics(resources);
  const relay = createRelay({
    upstream,
    log: store,
    conversations,
    quotas,
    assets: loadAssets(),
    settings: {
      simulated: upstream.isSimulator === true,
      version: packageVersion(),
      model: config['answers.model'],
      maxTokens: config['answers.maxTokens'],
    },
    access: accessOf(config),
    calls: callsOf(config),
    limits: limitsOf(config),
    pingMs: config['run.pingMs'],
    ...metrics,
    onLog: log.onLog,
    onError: log.onError,
  });
  const server = resources.use(await startServer(relay, config, log));
  const apply = (values: Config): void => applyTo({ relay, server, log }, values);
  const hangupEnds = files.length === 0 && isAtTerminal();
  const ended = untilSignal(
    (signal) => server.close(closingBy(signal, running.values)),
    hangupEnds ? undefined : ['SIGINT', 'SIGTERM'],
  );
  if (!hangupEnds)
    process.on('SIGHUP', () => {
      if (files.length > 0) void running.reload();
      else log.tell('info', 'configuration', { kept: true, reason: 'there is no file to read again' });
    });
  process.stdout.write(`listening on ${server.url}\n`);
  process.stdout.write(`${describe(upstream)}\nanswers are kept ${place}\n`);
  await ended;
}

/** There SIGHUP means that the terminal is gone. */
function isAtTerminal(): boolean {
  return [0, 1, 2].some((descriptor) => isatty(descriptor));
}

function open(config: Config, { onError }: RelayLog): OpenStore {
  const choice = parseStore(config['store.place']) ?? { type: 'sqlite' };
  return openStore(choice, { ...storeOptionsOf(config), onError });
}

function startServer(relay: Relay, config: Config, { onError }: RelayLog): Promise<RelayServer> {
  return startRelayServer(relay, {
    port: config['listen.port'],
    host: config['listen.host'],
    maxConnections: config['listen.maxConnections'],
    maxHeaderBytes: config['listen.maxHeaderBytes'],
    headersTimeoutMs: config['listen.headersTimeoutMs'],
    requestTimeoutMs: config['listen.requestTimeoutMs'],
    onError,
  });
}

/** What may change while it runs; the key is looked up at each call. */
function applyTo(
  { relay, server, log }: { relay: Relay; server: RelayServer; log: RelayLog },
  config: Config,
): void {
  relay.reload(accessOf(config));
  relay.setLimits(limitsOf(config));
  server.setMaxConnections(config['listen.maxConnections']);
  log.setLevel(config['run.logLevel']);
}

/** Who ends it by hand wants neither to wait nor to pay on. */
function closingBy(signal: EndSignal, config: Config): CloseOptions {
  return signal === 'SIGTERM' ? { drainMs: config['run.drainSeconds'] * 1000, handOver: true } : {};
}

async function openUpstream(
  running: RunningConfig,
  resources: AsyncDisposableStack,
): Promise<UpstreamOptions> {
  const transport = createNodeTransport();
  const { 'upstream.url': address, 'upstream.key': key } = running.values;
  if (address !== undefined || key !== undefined) {
    return {
      baseURL: checkedAddress(address ?? 'https://api.anthropic.com'),
      transport,
      get apiKey() {
        return running.values['upstream.key'];
      },
    };
  }
  const simulator = resources.use(await startSimulator());
  return { baseURL: simulator.url, transport, isSimulator: true };
}

function describe({ isSimulator, baseURL, apiKey }: UpstreamOptions): string {
  if (isSimulator) {
    return 'no ANTHROPIC_API_KEY is set: answers come from the built-in simulator, not from Claude';
  }
  return `upstream: ${baseURL}${apiKey === undefined ? ' (no key of its own: clients send theirs)' : ''}`;
}
