import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { test } from 'node:test';
import { ConfigError } from '../../src/cli/config/config-error.ts';
import { printConfig } from '../../src/cli/config/print-config.ts';
import { readConfig } from '../../src/cli/config/read-config.ts';
import type { ConfigSources, LoadedConfig } from '../../src/cli/config/read-config.ts';
import { accessOf } from '../../src/cli/config/relay-options.ts';
import { makeFolder } from '../support/folder.ts';
import { runProgram, startProgram } from '../support/program.ts';
import { startRawServer } from '../support/raw-server.ts';

const secrets = {
  web: 'web-0123456789-abcdefghij-0123456789',
  operator: 'operator-0123456789-abcdefghij-01234',
  other: 'other-0123456789-abcdefghij-01234567',
};

function read(file: string, environment: ConfigSources['environment'] = {}): Promise<LoadedConfig> {
  return readConfig({ file, environment, flags: new Map(), assignments: [] });
}

test('keys come with their secrets from the file, a file of their own or a variable, and are printed without', async () => {
  using folder = makeFolder();
  const secretFile = folder.write('web-key', `${secrets.web}\n`);
  const file = folder.write(
    'relay.yaml',
    `access:
  keys:
    - { id: web, secretFile: ${secretFile}, limits: { concurrent: 5 }, models: [m] }
    - { id: operator, secretVariable: OPERATOR_KEY, operator: true }
    - { id: other, secret: ${secrets.other} }
  limits: { tokensPerDay: 1000 }
  allow: { models: [a, b], images: true }
  hosts: [relay.example.com]
`,
  );
  const config = await read(file, { OPERATOR_KEY: secrets.operator, MILLRACE_ACCESS_SESSION_MS: '5000' });
  const { keys, limits, allow, hosts, session } = accessOf(config.values);
  assert.deepEqual(keys, [
    { id: 'web', secret: secrets.web, limits: { concurrent: 5 }, models: ['m'] },
    { id: 'operator', secret: secrets.operator, operator: true },
    { id: 'other', secret: secrets.other },
  ]);
  assert.deepEqual(limits, { tokensPerDay: 1000 });
  assert.deepEqual(allow, { models: ['a', 'b'], images: true });
  assert.deepEqual([hosts, session], [['relay.example.com'], { maxAgeMs: 5000 }]);
  const printed = await printConfig(config);
  assert.match(printed, /- id: operator\n +operator: true\n +secret: "\*\*\*"/);
  for (const secret of Object.values(secrets)) assert.ok(!printed.includes(secret));
});

test('tokens come with the secrets of their keys from where keys may have theirs, and are printed without', async () => {
  using folder = makeFolder();
  const secretFile = folder.write('application-key', `${secrets.other}\n`);
  const write = (tokens: string): string =>
    folder.write(
      'relay.yaml',
      `access:
  keys: [{ id: web, secret: ${secrets.web} }]
  tokens:
    issuer: https://app.example
    audience: relay
    keys:
${tokens}`,
    );
  const x = 'A'.repeat(43);
  const file = write(`      - { id: one, algorithm: HS256, secretFile: ${secretFile} }
      - { id: two, algorithm: HS256, secretVariable: APPLICATION_KEY }
      - { id: three, algorithm: EdDSA, publicKey: { kty: OKP, crv: Ed25519, x: ${x} } }
`);
  const config = await read(file, { APPLICATION_KEY: secrets.operator });
  assert.deepEqual(accessOf(config.values).tokens, {
    issuer: 'https://app.example',
    audience: 'relay',
    keys: [
      { id: 'one', algorithm: 'HS256', secret: secrets.other },
      { id: 'two', algorithm: 'HS256', secret: secrets.operator },
      { id: 'three', algorithm: 'EdDSA', publicKey: { kty: 'OKP', crv: 'Ed25519', x } },
    ],
  });
  assert.deepEqual(config.files, [file, secretFile]);
  const printed = await printConfig(config);
  assert.match(printed, /- id: two\n +algorithm: HS256\n +secret: "\*\*\*"/);
  for (const secret of Object.values(secrets)) assert.ok(!printed.includes(secret));
  for (const [tokens, wanted] of [
    ['      - { id: one, algorithm: HS256 }\n', /:7:9 access\.tokens\.keys\[0\]: needs one of secret, /],
    [
      '      - { id: one, algorithm: HS256, secretVariable: NOWHERE }\n',
      /:7:9 access\.tokens\.keys\[0\]: the variable NOWHERE is not there/,
    ],
    [
      `      - { id: one, algorithm: HS256, secret: ${secrets.web} }\n`,
      /:7:\d+ access\.tokens\.keys\[0\]\.secret: is that of one of access\.keys/,
    ],
    [
      `      - { id: one, algorithm: EdDSA, publicKey: ${x} }\n`,
      /:7:\d+ access\.tokens\.keys\[0\]\.publicKey: wanted: an object, as a JSON Web Key/,
    ],
  ] as const) {
    await assert.rejects(read(write(tokens)), (error: Error) => {
      assert.match(error.message, wanted);
      return !error.message.includes('0123456789') && !error.message.includes(x);
    });
  }
});

test('what is wrong with access is said with its place, and never a secret', async () => {
  using folder = makeFolder();
  for (const [yaml, wanted] of [
    [
      'access: { keys: [{ id: a, secret: short-secret }] }',
      /:1:35 access\.keys\[0\]\.secret: must have 32 to 512 char/,
    ],
    [
      `access: { keys: [{ id: a }] }`,
      /:1:\d+ access\.keys\[0\]: needs one of secret, secretFile, secretVariable/,
    ],
    [`access: { keys: [{ secret: ${secrets.web} }] }`, /access\.keys\[0\]\.id: missing/],
    [
      'access: { keys: [{ id: a, secretVariable: NOWHERE }] }',
      /:1:\d+ access\.keys\[0\]: the variable NOWHERE is not/,
    ],
    [
      'access: { keys: [{ id: a, secretFile: /nowhere }] }',
      /:1:\d+ access\.keys\[0\]\.secretFile: Cannot read \/nowhere/,
    ],
    ['upstream: { keyFile: /nowhere }', /:1:\d+ upstream\.keyFile: Cannot read \/nowhere/],
    ['listen: { host: 0.0.0.0 }', /:1:\d+ listen\.host: "0\.0\.0\.0" can be reached from elsewhere/],
    ['access: { sessionMs: 5000 }', /:1:\d+ access\.sessionMs: needs access\.keys/],
    [
      `{ upstream: { url: 'http://127.0.0.1:9' }, access: { keys: [{ id: a, secret: ${secrets.web} }] } }`,
      /configuration: upstream\.key: is needed with access\.keys/,
    ],
    [
      `{ upstream: { key: ${secrets.web} }, access: { keys: [{ id: a, secret: ${secrets.web} }] } }`,
      /:1:\d+ access\.keys\[0\]\.secret: is that of upstream/,
    ],
    ['access: { hosts: [relay.example.com] }', /:1:\d+ access\.hosts: needs access\.keys/],
    ['access: { origins: [https://a.example/path] }', /:1:\d+ access\.origins\[0\]: must be an origin/],
    [
      'access: { limits: { concurent: 5 } }',
      /access\.limits\.concurent: no such field; did you mean concurrent\?/,
    ],
    ['access: { prices: { asOf: today } }', /:1:\d+ access\.prices\.asOf: must be a day/],
  ] as const) {
    const error = await read(folder.write('relay.yaml', yaml)).then(
      () => assert.fail(yaml),
      (error: unknown) => error,
    );
    assert.ok(error instanceof ConfigError);
    assert.match(error.message, wanted);
    assert.doesNotMatch(error.message, /short-secret|0123456789/);
  }
});

test('a secret in a wrong place is not quoted', async () => {
  using folder = makeFolder();
  for (const yaml of [
    `access: ${secrets.web}`,
    `access: { keys: ${secrets.web} }`,
    `access: { keys: { web: ${secrets.web} } }`,
    `access: { keys: [${secrets.web}] }`,
    `access: { keys: [[${secrets.web}]] }`,
    `access: { keys: [{ id: web, secretVariable: ${secrets.web} }] }`,
    `upstream: ${secrets.web}`,
    secrets.web,
  ]) {
    await assert.rejects(read(folder.write('relay.yaml', yaml)), (error: Error) => {
      assert.match(error.message, /relay\.yaml:1:\d+ /);
      return !error.message.includes('0123456789');
    });
  }
  const cut = JSON.stringify([{ id: 'web', secret: secrets.web }]).slice(0, -1);
  await assert.rejects(
    read(folder.write('relay.yaml', ''), { MILLRACE_ACCESS_KEYS: cut }),
    /^ConfigError: [^"]*MILLRACE_ACCESS_KEYS: wanted: a list of keys$/,
  );
});

test('millrace serve with keys takes others at SIGHUP, and has its figures for the operator alone', async () => {
  using folder = makeFolder();
  const write = (...ids: readonly (keyof typeof secrets)[]): string =>
    folder.write(
      'relay.yaml',
      `store: { place: memory }\nlisten: { port: 0 }\naccess:\n  keys:\n${ids
        .map((id) => `    - { id: ${id}, secret: ${secrets[id]}, operator: ${id === 'operator'} }\n`)
        .join('')}`,
    );
  const config = write('web', 'operator');
  await using program = await startProgram(['serve', '--config', config]);
  const statusWith = async (id: keyof typeof secrets, path = '/conversations'): Promise<number> => {
    const response = await fetch(program.url + path, { headers: { authorization: `Bearer ${secrets[id]}` } });
    await response.text();
    return response.status;
  };
  assert.deepEqual(
    [await statusWith('web'), await statusWith('other'), (await fetch(`${program.url}/metrics`)).status],
    [200, 401, 401],
  );
  assert.deepEqual(
    [await statusWith('web', '/metrics'), await statusWith('operator', '/metrics')],
    [403, 200],
  );
  write('other', 'operator');
  program.signal('SIGHUP');
  while (!program.stderr.includes('"msg":"configuration"')) await new Promise(setImmediate);
  assert.deepEqual([await statusWith('web'), await statusWith('other')], [401, 200]);
  folder.write('relay.yaml', 'store: { place: memory }\n');
  program.signal('SIGHUP');
  while (!program.stderr.includes('"kept":true')) await new Promise(setImmediate);
  assert.match(program.stderr, /access\.keys: cannot all be taken away while the relay runs/);
  assert.deepEqual([await statusWith('web'), await statusWith('other')], [401, 200]);
  assert.doesNotMatch(program.stderr, /0123456789/);
});

test('SIGHUP reads the files of secrets again, also of keys that no file names', async () => {
  using folder = makeFolder();
  const secretFile = folder.write('web-key', secrets.web);
  const env = { MILLRACE_ACCESS_KEYS: JSON.stringify([{ id: 'web', secretFile }]) };
  await using program = await startProgram(['serve', '--port', '0', '--store', 'memory'], { env });
  const statusWith = async (secret: string): Promise<number> => {
    const response = await fetch(`${program.url}/conversations`, { headers: { 'x-api-key': secret } });
    await response.text();
    return response.status;
  };
  const reload = async (count: number): Promise<void> => {
    program.signal('SIGHUP');
    while (program.stderr.split('"msg":"configuration"').length <= count) await new Promise(setImmediate);
  };
  folder.write('web-key', `${secrets.other}\n`);
  assert.deepEqual([await statusWith(secrets.web), await statusWith(secrets.other)], [200, 401]);
  await reload(1);
  assert.deepEqual([await statusWith(secrets.web), await statusWith(secrets.other)], [401, 200]);
  rmSync(secretFile);
  await reload(2);
  assert.match(program.stderr, /Cannot read [^"]*web-key[^\n]*"kept":true/);
  assert.equal(await statusWith(secrets.other), 200);
  assert.doesNotMatch(program.stderr, /0123456789/);
});

test('SIGHUP takes no upstream key away from a relay with keys, nor one that is a client’s: those stay with the relay', async () => {
  using folder = makeFolder();
  await using upstream = await startRawServer(() => ({
    bytes: 'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}',
    then: 'fin',
  }));
  const write = (key: string | undefined): string =>
    folder.write(
      'relay.yaml',
      `store: { place: memory }
listen: { port: 0 }
upstream: { url: "${upstream.url}"${key === undefined ? '' : `, key: ${key}`} }
access: { keys: [{ id: web, secret: ${secrets.web} }] }
`,
    );
  const config = write('first-upstream-key');
  await using program = await startProgram(['serve', '--config', config]);
  const sent = async (): Promise<string> => {
    const headers = { 'x-api-key': secrets.web };
    await (await fetch(`${program.url}/v1/models`, { headers })).text();
    return upstream.requests.at(-1) ?? '';
  };
  for (const [index, key] of [undefined, secrets.web].entries()) {
    write(key);
    program.signal('SIGHUP');
    while (program.stderr.split('"kept":true').length < index + 2) await new Promise(setImmediate);
    const request = await sent();
    assert.ok(request.includes('first-upstream-key') && !request.includes(secrets.web), request);
  }
  assert.match(program.stderr, /upstream\.key: is needed with access\.keys/);
  write('second-upstream-key');
  program.signal('SIGHUP');
  while (!program.stderr.includes('"changes"')) await new Promise(setImmediate);
  assert.ok((await sent()).includes('second-upstream-key'));
});

test('millrace serve listens elsewhere only with keys', async () => {
  await using program = runProgram(['serve', '--port', '0', '--host', '0.0.0.0', '--store', 'memory']);
  assert.equal(await program.ended, 1);
  assert.match(program.stderr, /flag --host: listen\.host: "0\.0\.0\.0" can be reached from elsewhere, and/);
});
