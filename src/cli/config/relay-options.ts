// Settings as the options of what they set.

import type { CallOptions } from '../../client/index.ts';
import type { AccessOptions, RelayLimits } from '../../relay/index.ts';
import type { OpenStoreOptions } from '../open-store.ts';
import type { Config } from './config.ts';

export function limitsOf(config: Config): RelayLimits {
  return {
    maxOpenStreams: config['limits.maxOpenStreams'],
    maxReaders: config['limits.maxReaders'],
    maxReadersPerStream: config['limits.maxReadersPerStream'],
    maxConnectionAgeMs: config['limits.maxConnectionAgeMs'],
    maxApiBodyBytes: config['limits.maxApiBodyBytes'],
    maxPageBodyBytes: config['limits.maxPageBodyBytes'],
  };
}

export function accessOf(config: Config): AccessOptions {
  const allow = fieldsBelow('access.allow.', config);
  const maxAgeMs = config['access.sessionMs'];
  return {
    keys: config['access.keys'],
    tokens: config['access.tokens'],
    origins: config['access.origins'],
    hosts: config['access.hosts'],
    prices: config['access.prices'],
    allow: Object.keys(allow).length === 0 ? undefined : allow,
    limits: fieldsBelow('access.limits.', config),
    session: config['access.sessions'] ? maxAgeMs && { maxAgeMs } : false,
  } as AccessOptions;
}

/** What is set of a section, by the last part of each name. */
function fieldsBelow(prefix: string, config: Config): object {
  const set = Object.entries(config).filter(
    ([name, value]) => name.startsWith(prefix) && value !== undefined,
  );
  return Object.fromEntries(set.map(([name, value]) => [name.slice(prefix.length), value as unknown]));
}

export function callsOf(config: Config): CallOptions {
  return {
    fallback: config['calls.fallback'],
    timeouts: whatIsSet({
      connectMs: config['calls.connectMs'],
      headersMs: config['calls.headersMs'],
      idleMs: config['calls.idleMs'],
      progressMs: config['calls.progressMs'],
      totalMs: config['calls.totalMs'],
    }),
    retry: {
      maxRetries: config['calls.maxRetries'],
      maxDelayMs: config['calls.maxDelayMs'],
      maxRetryAfterMs: config['calls.maxRetryAfterMs'],
    },
    recover:
      config['calls.recover'] &&
      whatIsSet({
        maxRecoveries: config['calls.maxRecoveries'],
        maxExtraTokens: config['calls.maxExtraTokens'],
      }),
  };
}

/** Who reads an answer as it comes has to get its end. */
const leastKeptMs = 1000;

export function storeOptionsOf(config: Config): Omit<OpenStoreOptions, 'onError'> {
  return {
    keepMs: Math.max(leastKeptMs, config['store.keepHours'] * 3_600_000),
    ...whatIsSet({
      maxStreams: config['store.maxStreams'],
      maxLogBytes: config['store.maxLogBytes'],
      maxTotalBytes: config['store.maxTotalBytes'],
      maxFileBytes: config['store.maxFileBytes'],
    }),
  };
}

type Set<Options> = { [Name in keyof Options]?: Exclude<Options[Name], undefined> };

/** Without what is not set: its default is somebody else's. */
function whatIsSet<Options extends object>(options: Options): Set<Options> {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as Set<Options>;
}
