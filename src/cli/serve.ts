// `millrace serve`: the relay and its page; without a key, with the simulator as upstream in the same process.

import { createNodeTransport } from '../client/node.ts';
import { createRelay } from '../relay/index.ts';
import type { UpstreamOptions } from '../relay/index.ts';
import { startRelayServer } from '../relay/node.ts';
import type { CloseOptions } from '../relay/node.ts';
import { startSimulator } from '../simulator/index.ts';
import { loadAssets } from './load-assets.ts';
import { ignoreClosedOutput } from './note.ts';
import { openStore } from './open-store.ts';
import type { StoreChoice } from './open-store.ts';
import { packageVersion } from './package-version.ts';
import { createRelayLog } from './relay-log.ts';
import type { LogLevel } from './relay-log.ts';
import { reportStartFailure } from './report-start-failure.ts';
import { untilSignal } from './until-signal.ts';
import type { EndSignal } from './until-signal.ts';
import { checkedAddress } from './upstream-address.ts';

export interface ServeOptions {
  readonly port: number;
  readonly upstream?: string;
  readonly store: StoreChoice;
  /** How long answers may go on after SIGTERM, in seconds. */
  readonly drain: number;
  /** Whether answers that break off are gone on with. */
  readonly recover: boolean;
  /** How long an answer is kept after its end, in hours. */
  readonly keep: number;
  readonly maxStreams: number;
  readonly maxReaders: number;
  readonly maxConnections: number;
  readonly logLevel: LogLevel;
  readonly model: string;
  readonly maxTokens: number;
}

export async function serve(options: ServeOptions): Promise<number> {
  ignoreClosedOutput();
  const { port, maxConnections } = options;
  const { onLog, onError } = createRelayLog(options.logLevel);
  try {
    await using resources = new AsyncDisposableStack();
    const { log, conversations, place } = openStore(options.store, {
      keepMs: options.keep * 3_600_000,
      onError,
    });
    resources.use(log);
    const upstream = await openUpstream(options.upstream, resources);
    const relay = createRelay({
      upstream,
      log,
      conversations,
      assets: loadAssets(),
      settings: {
        simulated: upstream.isSimulator === true,
        version: packageVersion(),
        model: options.model,
        maxTokens: options.maxTokens,
      },
      calls: { recover: options.recover },
      limits: { maxOpenStreams: options.maxStreams, maxReaders: options.maxReaders },
      onLog,
      onError,
    });
    const server = resources.use(await startRelayServer(relay, { port, maxConnections, onError }));
    const ended = untilSignal((signal) => server.close(closingBy(signal, options)));
    process.stdout.write(`listening on ${server.url}\n`);
    process.stdout.write(`${describe(upstream)}\nanswers are kept ${place}\n`);
    await ended;
    return 0;
  } catch (error) {
    return reportStartFailure(error, 'serve');
  }
}

/** Who ends it by hand wants neither to wait nor to pay on. */
function closingBy(signal: EndSignal, { drain }: ServeOptions): CloseOptions {
  return signal === 'SIGTERM' ? { drainMs: drain * 1000, handOver: true } : {};
}

async function openUpstream(
  url: string | undefined,
  resources: AsyncDisposableStack,
): Promise<UpstreamOptions> {
  const transport = createNodeTransport();
  const apiKey = process.env['ANTHROPIC_API_KEY'] || process.env['ANTHROPIC_AUTH_TOKEN'] || undefined;
  const address = url ?? (process.env['ANTHROPIC_BASE_URL'] || undefined);
  if (address !== undefined || apiKey !== undefined) {
    return { baseURL: checkedAddress(address ?? 'https://api.anthropic.com'), transport, apiKey };
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
