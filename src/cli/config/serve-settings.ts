// Every setting of `millrace serve`, once: the file, the environment, the flags, their help and docs/configuration.md
// are made of this table.

import { accessSettings } from './access-settings.ts';
import { parseStore } from '../open-store.ts';
import { logLevels } from '../relay-log.ts';
import { checkedAddress } from '../upstream-address.ts';
import type { Config, SettingName } from './config.ts';
import {
  checkedWord,
  choice,
  listOfWords,
  numberFromZero,
  secret,
  trueOrFalse,
  variableOf,
  wholeNumber,
  word,
} from './setting.ts';
import type { Setting } from './setting.ts';

const count = wholeNumber({ from: 1 });
/** As long as a timer knows. */
const milliseconds = wholeNumber({ from: 1, to: 2 ** 31 - 1 });
const megabytes = 1024 * 1024;

const address = checkedWord('an address that begins with http:// or https://', (text) => {
  try {
    checkedAddress(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
});

const store = word('memory, sqlite or sqlite:PATH', (text) => parseStore(text) !== undefined);

export const serveSettings: { readonly [Name in keyof Config]: Setting<Config[Name]> } = {
  'listen.port': {
    description: 'port to listen on, 0 for any free one',
    flag: '--port <number>',
    type: wholeNumber({ from: 0, to: 65_535 }),
    default: 8787,
  },
  'listen.host': {
    description: 'address to listen on; others than loopback need access.keys',
    flag: '--host <address>',
    type: word('an address'),
    default: '127.0.0.1',
  },
  'listen.maxConnections': {
    description: 'most connections',
    flag: '--max-connections <number>',
    type: count,
    default: 20_000,
    isReloadable: true,
  },
  'listen.maxHeaderBytes': {
    description: 'most bytes of the head of a request',
    type: wholeNumber({ from: 1024, to: megabytes }),
    default: 16 * 1024,
  },
  'listen.headersTimeoutMs': {
    description: 'how long the head of a request may take, in milliseconds',
    type: milliseconds,
    default: 10_000,
  },
  'listen.requestTimeoutMs': {
    description: 'how long a whole request may take, in milliseconds',
    type: milliseconds,
    default: 30_000,
  },
  'upstream.url': {
    description: 'address of the Messages API',
    flag: '--upstream <url>',
    type: address,
    variables: ['ANTHROPIC_BASE_URL'],
    default: undefined,
  },
  'upstream.key': {
    description: 'key that goes up in place of what clients send',
    type: secret(),
    variables: ['ANTHROPIC_API_KEY', 'ANTHROPIC_AUTH_TOKEN'],
    default: undefined,
    isSecret: true,
    isReloadable: true,
  },
  'upstream.keyFile': {
    description: 'file that holds that key and nothing else',
    type: word('the path of a file'),
    default: undefined,
    isReloadable: true,
  },
  ...accessSettings,
  'store.place': {
    description: 'where answers are kept: memory, sqlite or sqlite:PATH',
    flag: '--store <store>',
    type: store,
    default: 'sqlite',
  },
  'store.keepHours': {
    description: 'how long answers are kept after their end, in hours',
    flag: '--keep <hours>',
    type: numberFromZero(),
    default: 24,
  },
  'store.maxStreams': { description: 'most logs', type: count, default: 10_000 },
  'store.maxLogBytes': {
    description: 'most bytes of one log, its request included',
    type: count,
    default: 64 * megabytes,
  },
  'store.maxTotalBytes': {
    description: 'most bytes of all logs; unset, 1 GiB in a file and 256 MiB in memory',
    type: count,
    default: undefined,
  },
  'store.maxFileBytes': {
    description: 'most bytes of the file; unset, as many as the disk has',
    type: count,
    default: undefined,
  },
  'answers.model': {
    description: 'model of requests that name none',
    flag: '-m, --model <id>',
    type: word('the id of a model'),
    variables: ['CLAUDE_MODEL'],
    default: 'claude-sonnet-5',
  },
  'answers.maxTokens': {
    description: 'most tokens of answers to requests that do not say',
    flag: '--max-tokens <number>',
    type: count,
    default: 4096,
  },
  'calls.recover': {
    description: 'whether answers that break off are gone on with',
    flag: '--no-recover',
    flagDescription: 'end answers that break off, instead of going on with them',
    type: trueOrFalse(),
    default: true,
  },
  'calls.fallback': {
    description:
      'what to turn to when answers keep failing, in order: models, and non-streaming for the answer in one piece',
    type: listOfWords(),
    default: [],
  },
  'calls.maxRecoveries': {
    description: 'how often one answer is gone on with',
    flag: '--max-recoveries <number>',
    type: wholeNumber({ from: 0 }),
    default: 2,
  },
  'calls.maxExtraTokens': {
    description: 'most input tokens that going on may take beyond the first request’s; unset, no limit',
    type: wholeNumber({ from: 0 }),
    default: undefined,
  },
  'calls.maxRetries': {
    description: 'further attempts before any content, for pages',
    flag: '--max-retries <number>',
    type: wholeNumber({ from: 0 }),
    default: 2,
  },
  'calls.maxDelayMs': {
    description: 'longest delay before another attempt, in milliseconds',
    type: wholeNumber({ from: 0 }),
    default: 20_000,
  },
  'calls.maxRetryAfterMs': {
    description: 'longest wait that upstream may ask for, in milliseconds',
    type: wholeNumber({ from: 0 }),
    default: 60_000,
  },
  'calls.connectMs': {
    description: 'how long connecting to upstream may take, in milliseconds',
    flag: '--connect-timeout <ms>',
    type: milliseconds,
    default: 10_000,
  },
  'calls.headersMs': {
    description: 'how long upstream may take to begin its answer, in milliseconds',
    flag: '--headers-timeout <ms>',
    type: milliseconds,
    default: 120_000,
  },
  'calls.idleMs': {
    description: 'longest time without a byte from upstream, in milliseconds',
    flag: '--idle-timeout <ms>',
    type: milliseconds,
    default: 90_000,
  },
  'calls.progressMs': {
    description: 'longest time with nothing but pings from upstream, in milliseconds',
    flag: '--progress-timeout <ms>',
    type: milliseconds,
    default: 600_000,
  },
  'calls.totalMs': {
    description: 'longest time for an answer with all its calls, in milliseconds; unset, no limit',
    flag: '--total-timeout <ms>',
    type: milliseconds,
    default: undefined,
  },
  'limits.maxOpenStreams': {
    description: 'most answers under way',
    flag: '--max-streams <number>',
    type: count,
    default: 10_000,
    isReloadable: true,
  },
  'limits.maxReaders': {
    description: 'most connections that read answers',
    flag: '--max-readers <number>',
    type: count,
    default: 5000,
    isReloadable: true,
  },
  'limits.maxReadersPerStream': {
    description: 'most connections that read one answer',
    type: count,
    default: 1000,
    isReloadable: true,
  },
  'limits.maxConnectionAgeMs': {
    description:
      'age at which a connection that reads is sent away to come back, give or take a tenth, in milliseconds',
    type: count,
    default: 600_000,
    isReloadable: true,
  },
  'limits.maxApiBodyBytes': {
    description: 'most bytes of a request’s body below /v1',
    type: count,
    default: 32 * megabytes,
    isReloadable: true,
  },
  'limits.maxPageBodyBytes': {
    description: 'most bytes of a request’s body elsewhere',
    type: count,
    default: megabytes,
    isReloadable: true,
  },
  'run.drainSeconds': {
    description: 'how long answers may go on after SIGTERM, in seconds',
    flag: '--drain <seconds>',
    type: wholeNumber({ from: 0, to: 1_000_000 }),
    default: 20,
    isReloadable: true,
  },
  'run.pingMs': {
    description: 'longest silence on a reader’s connection, in milliseconds',
    type: milliseconds,
    default: 14_000,
  },
  'run.logLevel': {
    description: 'what is logged on stderr, as JSON lines',
    flag: '--log-level <level>',
    type: choice(...logLevels),
    default: 'info',
    isReloadable: true,
  },
};

export const settingNames = Object.keys(serveSettings) as readonly SettingName[];

export function settingOf(name: SettingName): Setting<unknown> {
  return serveSettings[name];
}

/** The variables that say what a setting is: the first one there is counts. */
export function variablesOf(name: SettingName): readonly string[] {
  return [variableOf(name), ...(settingOf(name).variables ?? [])];
}
