// The probe as a file that a runtime of its own runs as its program.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { bundleProbe } from './bundle-probe.ts';
import type { Findings } from './probe.ts';

export interface ProbeProgram {
  /** The runtime's program, and its arguments in front of the file. */
  readonly command: readonly [string, ...string[]];
  /** An expression for the first argument behind the file: the address of the API. */
  readonly firstArgument: string;
  readonly url: string;
}

/** Whatever an environment says of an API or a proxy is not the probe's. */
const personal = /^(?:ANTHROPIC_|NODE_OPTIONS$)|_proxy$/i;

/** What the probe found. Rejects with what was written to stderr when the runtime fails. */
export async function runProbe({ command, firstArgument, url }: ProbeProgram): Promise<Findings> {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-runtime-'));
  try {
    const file = join(folder, 'probe.mjs');
    const findings = `await probe({ apiKey: 'any', baseURL: ${firstArgument} })`;
    await writeFile(file, await bundleProbe(`console.log(JSON.stringify(${findings}));`));
    const inherited = Object.entries(process.env).filter(([name]) => !personal.test(name));
    const env = { ...Object.fromEntries(inherited), DENO_DIR: folder, DENO_NO_UPDATE_CHECK: '1' };
    const [program, ...parameters] = command;
    const options = { cwd: folder, env, timeout: 60_000 };
    const { stdout, stderr } = await promisify(execFile)(program, [...parameters, file, url], options);
    assert.equal(stderr, '');
    return JSON.parse(stdout) as Findings;
  } finally {
    await rm(folder, { recursive: true });
  }
}
