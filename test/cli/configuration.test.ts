import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publishedPrices } from 'millrace/relay';
import { startSimulator } from 'millrace/simulator';
import type { Simulator } from 'millrace/simulator';
import type { SettingName } from '../../src/cli/config/config.ts';
import { ConfigError } from '../../src/cli/config/config-error.ts';
import { printConfig } from '../../src/cli/config/print-config.ts';
import { misspeltVariables, readConfig } from '../../src/cli/config/read-config.ts';
import type { ConfigSources, LoadedConfig } from '../../src/cli/config/read-config.ts';
import { settingNames, variablesOf } from '../../src/cli/config/serve-settings.ts';
import { makeFolder } from '../support/folder.ts';
import { runProgram, startProgram } from '../support/program.ts';
import type { Program } from '../support/program.ts';
import { terminalSkip } from '../support/requirements.ts';

function read(sources: Partial<ConfigSources>): Promise<LoadedConfig> {
  return readConfig({ environment: {}, flags: new Map(), assignments: [], ...sources });
}

async function problemsOf(sources: Partial<ConfigSources>): Promise<readonly string[]> {
  const error = await read(sources).then(
    () => assert.fail('it was taken'),
    (error: unknown) => error,
  );
  assert.ok(error instanceof ConfigError);
  return error.problems;
}

test('readConfig() takes a flag before --set, a variable, the file and the default, and says which', async () => {
  using folder = makeFolder();
  const file = folder.write(
    'relay.yaml',
    'limits:\n  maxOpenStreams: 1\n  maxReaders: 1\n  maxReadersPerStream: 1\n  maxApiBodyBytes: 1\n',
  );
  const environment = {
    MILLRACE_LIMITS_MAX_OPEN_STREAMS: '2',
    MILLRACE_LIMITS_MAX_READERS: '2',
    MILLRACE_LIMITS_MAX_READERS_PER_STREAM: '2',
  };
  const assignments = ['limits.maxOpenStreams=3', 'limits.maxReaders=3'];
  const flags = new Map<SettingName, unknown>([['limits.maxOpenStreams', 4]]);
  const { values, sources } = await read({ file, environment, assignments, flags });
  const names = settingNames.filter((name) => name.startsWith('limits.'));
  assert.deepEqual(
    names.map((name) => [name, values[name], sources[name]]),
    [
      ['limits.maxOpenStreams', 4, 'flag --max-streams'],
      ['limits.maxReaders', 3, '--set limits.maxReaders'],
      ['limits.maxReadersPerStream', 2, 'MILLRACE_LIMITS_MAX_READERS_PER_STREAM'],
      ['limits.maxConnectionAgeMs', 600_000, 'default'],
      ['limits.maxApiBodyBytes', 1, `${file}:5:20`],
      ['limits.maxPageBodyBytes', 1024 * 1024, 'default'],
    ],
  );
});

test('readConfig() takes JSON as well, and null and an empty variable for left out', async () => {
  using folder = makeFolder();
  const file = folder.write('a.json', '{"listen": {"port": null, "maxConnections": 7}, "store": null}');
  const { values } = await read({ file, environment: { MILLRACE_LISTEN_PORT: '', CLAUDE_MODEL: 'm' } });
  assert.equal(values['listen.port'], 8787);
  assert.equal(values['listen.maxConnections'], 7);
  assert.equal(values['store.place'], 'sqlite');
  assert.equal(values['answers.model'], 'm');
  const empty = folder.write('empty.yaml', '# nothing yet\n');
  assert.deepEqual((await read({ file: empty })).values, (await read({})).values);
});

test('readConfig() takes its own variable before that of other programs', async () => {
  const environment = { ANTHROPIC_BASE_URL: 'http://theirs', MILLRACE_UPSTREAM_URL: 'http://own' };
  assert.equal((await read({ environment })).values['upstream.url'], 'http://own');
});

test('readConfig() says everything that is wrong, where it stands, what is there and what is wanted', async () => {
  using folder = makeFolder();
  const file = folder.write(
    'relay.yaml',
    [
      'listen: { port: http }',
      'limits:',
      '  maxReader: 5',
      '  maxOpenStreams: 0',
      'upstream: { url: "ftp://x", key: 5 }',
      'store: sqlite',
      'run: { logLevel: loud }',
    ].join('\n'),
  );
  const problems = await problemsOf({
    file,
    environment: { MILLRACE_CALLS_RECOVER: 'yes', MILLRACE_STORE_KEEP_HOURS: '-1' },
    assignments: ['calls.idleMs=soon', 'limits.maxRaeders=5', 'calls'],
  });
  assert.deepEqual(
    problems.map((problem) => problem.replace(`${file}:`, 'relay.yaml:').replace(/ \(there are .*/, '')),
    [
      '--set calls.idleMs: found "soon"; wanted: a whole number from 1 to 2147483647',
      '--set limits.maxRaeders: no such setting; did you mean limits.maxReaders?',
      '--set calls: wanted: a setting and its value, as limits.maxReaders=100',
      'MILLRACE_STORE_KEEP_HOURS: found -1; wanted: a number from 0',
      'MILLRACE_CALLS_RECOVER: found "yes"; wanted: true or false',
      'relay.yaml:1:17 listen.port: found "http"; wanted: a whole number from 0 to 65535',
      'relay.yaml:3:14 limits.maxReader: no such field; did you mean maxReaders?',
      'relay.yaml:4:19 limits.maxOpenStreams: found 0; wanted: a whole number from 1',
      'relay.yaml:5:18 upstream.url: the upstream address must begin with http:// or https://, not "ftp://x"',
      'relay.yaml:5:34 upstream.key: wanted: a text that is not empty, without spaces',
      'relay.yaml:6:8 store: found "sqlite"; wanted: an object with place, keepHours, maxStreams, maxLogBytes, maxTotalBytes, maxFileBytes',
      'relay.yaml:7:18 run.logLevel: found "loud"; wanted: "error" or "warn" or "info" or "debug" or "silent"',
    ],
  );
});

test('readConfig() says of a file that is no YAML where, and of one that is not there why', async () => {
  using folder = makeFolder();
  const file = folder.write('relay.yaml', 'listen:\n  port: 1\n  port: 2\n');
  assert.match((await problemsOf({ file })).join('\n'), /^[^\n]*relay\.yaml:3:3 Map keys must be unique/);
  assert.match(
    (await problemsOf({ file: '/nowhere.yaml' })).join('\n'),
    /^Cannot read \/nowhere\.yaml: ENOENT/,
  );
});

test('a key comes from a variable, the file, or a file of its own, and is never a flag nor in a message', async () => {
  using folder = makeFolder();
  const keyFile = folder.write('key', 'sk-ant-of-the-file\n');
  const file = folder.write('relay.yaml', `upstream: { keyFile: ${keyFile} }\n`);
  const ofFile = await read({ file });
  assert.equal(ofFile.values['upstream.key'], 'sk-ant-of-the-file');
  assert.equal(ofFile.sources['upstream.key'], keyFile);
  const nearer = await read({ file, environment: { ANTHROPIC_API_KEY: 'sk-ant-nearer' } });
  assert.equal(nearer.values['upstream.key'], 'sk-ant-nearer');

  const both = folder.write('both.yaml', `upstream: { keyFile: ${keyFile}, key: sk-ant-secret }\n`);
  assert.match(
    (await problemsOf({ file: both })).join('\n'),
    /only one of upstream\.key and upstream\.keyFile/,
  );
  const misplaced = folder.write(
    'misplaced.yaml',
    'upstream: sk-ant-secret\nlimits: { maxReaders: "sk-ant-secret" }\n',
  );
  const masked = folder.write('masked.yaml', 'upstream: { key: "***" }\n');
  const blank = folder.write('blank', ' \n');
  const problems = [
    ...(await problemsOf({ file: misplaced })),
    ...(await problemsOf({ assignments: ['upstream.key=sk-ant-secret'] })),
    ...(await problemsOf({ file: masked })),
    ...(await problemsOf({ assignments: [`upstream.keyFile=${blank}`] })),
    ...(await problemsOf({ assignments: ['upstream.keyFile=/nowhere'] })),
  ];
  assert.equal(problems.length, 6);
  assert.match(
    problems[2]!,
    /every user of the machine sees flags; use MILLRACE_UPSTREAM_KEY or ANTHROPIC_API_KEY/,
  );
  assert.match(problems[3]!, /\*\*\* is what --print-config prints in its place/);
  assert.match(problems[4]!, /blank: wanted: a text that is not empty/);
  assert.match(problems[5]!, /Cannot read \/nowhere/);
  assert.doesNotMatch(problems.join('\n'), /secret/);
});

test('printConfig() gives a file that says the same, with the place each value is from and without secrets', async () => {
  using folder = makeFolder();
  const environment = { ANTHROPIC_API_KEY: 'sk-ant-secret', MILLRACE_CALLS_TOTAL_MS: '5000' };
  const config = await read({ environment, flags: new Map([['listen.port', 0]]) });
  const printed = await printConfig(config);
  assert.match(printed, /^listen:\n  port: 0 # flag --port\n  host: 127\.0\.0\.1 # default\n/);
  assert.match(printed, /^  key: "\*\*\*" # ANTHROPIC_API_KEY$/m);
  assert.match(printed, /^  url: null # default$/m);
  assert.doesNotMatch(printed, /secret/);
  const file = folder.write('again.yaml', printed.replace('"***"', 'sk-ant-secret'));
  assert.deepEqual((await read({ file })).values, config.values);
});

test('a list is given to a variable and to --set with commas, or in JSON', async () => {
  const wanted = ['claude-haiku-4-5', 'non-streaming'];
  for (const text of [
    'claude-haiku-4-5,non-streaming',
    'claude-haiku-4-5, non-streaming',
    JSON.stringify(wanted),
  ]) {
    const one = await read({ environment: { MILLRACE_CALLS_FALLBACK: text } });
    const other = await read({ assignments: [`calls.fallback=${text}`] });
    assert.deepEqual([one.values['calls.fallback'], other.values['calls.fallback']], [wanted, wanted]);
  }
  const [problem] = await problemsOf({ assignments: ['calls.fallback=["claude-haiku-4-5"'] });
  assert.match(problem ?? '', /^--set calls\.fallback: found .*; wanted: a list of texts$/);
});

test('misspeltVariables() finds what is nearly a setting, and nothing else', () => {
  const environment = {
    MILLRACE_LIMITS_MAX_READER: '5',
    MILLRACE_LIMITS_MAX_READERS: '5',
    MILLRACE_PORT: 'tcp://10.0.0.1:8787',
    MILLRACE_SERVICE_HOST: '10.0.0.1',
    LIMITS_MAX_READER: '5',
  };
  assert.deepEqual(misspeltVariables(environment), [
    'MILLRACE_LIMITS_MAX_READER is no setting; did you mean MILLRACE_LIMITS_MAX_READERS?',
  ]);
});

test('every setting can be given by the file, by a variable and by --set, and is the same each time', async () => {
  using folder = makeFolder();
  const samples: Record<SettingName, unknown> = { ...(await read({})).values };
  const given: Partial<Record<SettingName, unknown>> = {
    'upstream.url': 'http://127.0.0.1:9',
    'upstream.keyFile': folder.write('key', 'k'),
    'store.maxTotalBytes': 5,
    'store.maxFileBytes': 6,
    'calls.maxExtraTokens': 7,
    'calls.totalMs': 8,
    'calls.fallback': ['claude-haiku-4-5', 'non-streaming'],
    'access.origins': ['https://a.example', 'https://b.example'],
    'access.allow.models': ['a', 'b'],
    'access.allow.maxTokens': 9,
    'access.allow.fields': ['tools'],
    'access.allow.urlHosts': ['images.example.com'],
    'access.allow.images': true,
    'access.limits.concurrent': 1,
    'access.limits.queue': 2,
    'access.limits.waitMs': 3,
    'access.limits.requestsPerMinute': 4,
    'access.limits.tokensPerDay': 5,
    'access.limits.costPerDay': 6.5,
    'access.limits.readersPerStream': 7,
    'access.limits.readers': 8,
    'access.prices': publishedPrices,
  };
  /** Secrets are no flags; a name of its own needs keys, and so do sessions and tokens. */
  const others = new Set<SettingName>([
    'upstream.key',
    'access.keys',
    'access.tokens',
    'access.hosts',
    'access.sessionMs',
  ]);
  for (const name of settingNames) {
    const value = given[name] ?? samples[name];
    if (others.has(name)) continue;
    assert.ok(value !== undefined, name);
    const file = folder.write(
      'one.json',
      JSON.stringify(name.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value)),
    );
    const [variable = ''] = variablesOf(name);
    const text = Array.isArray(value) ? value.join(',') : JSON.stringify(value).replace(/^"|"$/g, '');
    for (const sources of [
      { file },
      { environment: { [variable]: text } },
      { assignments: [`${name}=${text}`] },
    ]) {
      const loaded = await read(sources);
      assert.deepEqual(loaded.values[name], value, name);
      assert.notEqual(loaded.sources[name], 'default', name);
    }
  }
});

test('millrace serve --print-config prints the settings and serves nothing', async () => {
  using folder = makeFolder();
  const config = folder.write('relay.yaml', 'limits: { maxReaders: 5 }\n');
  await using program = runProgram(['serve', '--print-config', '--drain', '3'], {
    env: { MILLRACE_CONFIG: config },
  });
  assert.equal(await program.ended, 0, program.stderr);
  assert.match(program.stdout, /^  maxReaders: 5 # .*relay\.yaml:1:23$/m);
  assert.match(program.stdout, /^  drainSeconds: 3 # flag --drain$/m);
});

test('millrace serve refuses a configuration that is wrong, with all that is wrong', async () => {
  using folder = makeFolder();
  const config = folder.write('relay.yaml', 'limits: { maxReaders: many }\nlisten: { prot: 5 }\n');
  await using program = runProgram(['serve', '--config', config]);
  assert.equal(await program.ended, 1);
  assert.match(
    program.stderr,
    /^millrace serve: Cannot use the configuration:\n  .*relay\.yaml:1:23 limits\.maxReaders: found "many"/,
  );
  assert.match(program.stderr, /\n  .*relay\.yaml:2:17 listen\.prot: no such field; did you mean port\?/);
  assert.equal(program.stdout, '');
});

test('millrace serve says of a variable that is nearly a setting what it may mean', async () => {
  await using program = await startProgram(['serve', '--port', '0'], {
    env: { MILLRACE_LIMITS_MAX_READER: '5' },
  });
  assert.match(program.stderr, /did you mean MILLRACE_LIMITS_MAX_READERS\?/);
});

interface ConfigurationLine {
  readonly level: string;
  readonly changes?: readonly { setting: string; from: unknown; to: unknown }[];
  readonly needRestart?: readonly string[];
  readonly problems?: readonly string[];
  readonly kept?: boolean;
  readonly reason?: string;
}

/** The lines of the log about configurations, when there are `count`. */
async function configurationLines(program: Program, count: number): Promise<ConfigurationLine[]> {
  for (;;) {
    const lines = program.stderr.split('\n').filter((line) => line.includes('"msg":"configuration"'));
    if (lines.length >= count) return lines.map((line) => JSON.parse(line) as ConfigurationLine);
    await new Promise(setImmediate);
  }
}

/** What the upstream was last asked with. */
function lastKey({ requests }: Simulator): string {
  return requests.at(-1)?.headers['authorization'] ?? '';
}

test('at SIGHUP millrace serve takes limits and keys anew, says what needs a restart, and keeps all when it is wrong', async () => {
  using folder = makeFolder();
  await using simulator = await startSimulator({ speed: 0, requireKey: true });
  folder.write('key', 'sk-ant-key-one-1111');
  const keyFile = folder.write('key', 'sk-ant-key-one-1111');
  const write = (limits: string, port = 0): string =>
    folder.write(
      'relay.yaml',
      `listen: { port: ${port} }\nupstream: { url: "${simulator.url}", keyFile: ${keyFile} }\nstore: { place: memory }\nlimits: ${limits}\n`,
    );
  const config = write('{}');
  await using program = await startProgram(['serve', '--config', config]);
  const ask = async (): Promise<number> => {
    const body = JSON.stringify({ messages: [{ role: 'user', content: 'echo a long enough message' }] });
    const headers = { 'content-type': 'application/json', accept: 'text/event-stream' };
    const response = await fetch(`${program.url}/streams`, { method: 'POST', headers, body });
    await response.text();
    return response.status;
  };
  assert.equal(await ask(), 200);
  assert.match(lastKey(simulator), /1111$/);

  folder.write('key', 'sk-ant-key-two-2222');
  write('{ maxPageBodyBytes: 10, maxReaders: 77 }', 1);
  program.signal('SIGHUP');
  const [changed] = await configurationLines(program, 1);
  assert.deepEqual(changed?.changes, [
    { setting: 'upstream.key', from: '***', to: '***' },
    { setting: 'limits.maxReaders', from: 5000, to: 77 },
    { setting: 'limits.maxPageBodyBytes', from: 1024 * 1024, to: 10 },
  ]);
  assert.deepEqual(changed.needRestart, ['listen.port']);
  assert.equal(await ask(), 413);

  write('{ maxPageBodyBytes: none }');
  program.signal('SIGHUP');
  const [, refused] = await configurationLines(program, 2);
  assert.deepEqual([refused?.level, refused?.kept], ['error', true]);
  assert.match(refused?.problems?.join() ?? '', /relay\.yaml:4:29 limits\.maxPageBodyBytes: found "none"/);
  assert.equal(await ask(), 413);

  write('{}');
  program.signal('SIGHUP');
  const [, , back] = await configurationLines(program, 3);
  assert.deepEqual(back?.needRestart, []);
  assert.equal(await ask(), 200);
  assert.match(lastKey(simulator), /2222$/);
  assert.doesNotMatch(program.stdout + program.stderr, /sk-ant/);
  program.signal('SIGTERM');
  assert.equal(await program.ended, 0, program.stderr);
});

test('millrace serve goes on at SIGHUP where it has no file to read again, and says so', async () => {
  await using program = await startProgram(['serve', '--port', '0', '--store', 'memory']);
  program.signal('SIGHUP');
  const [line] = await configurationLines(program, 1);
  assert.deepEqual([line?.level, line?.kept, line?.reason], ['info', true, 'there is no file to read again']);
  assert.equal((await fetch(`${program.url}/healthz`)).status, 200);
  program.signal('SIGTERM');
  assert.equal(await program.ended, 0, program.stderr);
});

test(
  'millrace serve ends with its terminal where it has no file to read again',
  { skip: terminalSkip() },
  async () => {
    await using terminal = runProgram(['serve', '--port', '0', '--store', 'memory'], {
      isAtTerminal: true,
      stdin: { open: true },
    });
    const [, pid] = await terminal.waitFor(/^pid (\d+)\r?$/m);
    const [, url = ''] = await terminal.waitFor(/^listening on (http:\/\/127\.0\.0\.1:[0-9]+)\r?$/m);
    await using stack = new AsyncDisposableStack();
    stack.defer(() => endProcess(Number(pid)));
    assert.equal(await isServing(url), true);
    terminal.signal('SIGKILL');
    await terminal.ended;
    while (await isServing(url)) await new Promise(setImmediate);
    assert.equal(await isServing(url), false);
  },
);

/** One that has ended already stays as it is. */
function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ESRCH');
  }
}

async function isServing(url: string): Promise<boolean> {
  try {
    await (await fetch(`${url}/healthz`, { headers: { connection: 'close' } })).text();
    return true;
  } catch {
    return false;
  }
}
