import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { bundleProbe } from './bundle-probe.ts';
import type { Findings } from './probe.ts';
import { runtimeProgram } from './runtime-program.ts';
import { testRuntime } from './test-runtime.ts';

/** A worker that runs the probe when it is asked, on a port of its own; it may reach this machine alone. */
const config = `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "probe", worker = (
      modules = [(name = "probe.mjs", esModule = embed "probe.mjs")],
      compatibilityDate = "2026-11-01",
      globalOutbound = "loopback",
    )),
    (name = "loopback", network = (allow = ["local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "probe")],
);
`;

const worker = `export default {
  async fetch(request) {
    const baseURL = new URL(request.url).searchParams.get('api');
    return Response.json(await probe({ apiKey: 'any', baseURL }));
  },
};`;

testRuntime({
  name: 'workerd',
  run: async ({ url }) => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-workerd-'));
    await writeFile(join(folder, 'probe.mjs'), await bundleProbe(worker));
    await writeFile(join(folder, 'config.capnp'), config);
    const child = spawn(runtimeProgram('workerd'), ['serve', 'config.capnp', '--control-fd=3'], {
      cwd: folder,
      stdio: ['ignore', 'inherit', 'inherit', 'pipe'],
    });
    const closed = once(child, 'close');
    try {
      const port = await portOf(child.stdio[3] as Readable);
      const response = await fetch(`http://127.0.0.1:${port}/?api=${encodeURIComponent(url)}`);
      if (!response.ok) throw new Error(`workerd answered ${response.status}: ${await response.text()}`);
      return (await response.json()) as Findings;
    } finally {
      child.kill();
      await closed;
      await rm(folder, { recursive: true });
    }
  },
});

/** Where it listens: it says so on a pipe of its own, as JSON on a line. */
async function portOf(control: Readable): Promise<number> {
  let text = '';
  for await (const chunk of control.setEncoding('utf8')) {
    text += chunk as string;
    const said = /\{[^}]*"event":"listen"[^}]*\}/.exec(text);
    if (said !== null) return (JSON.parse(said[0]) as { port: number }).port;
  }
  throw new Error('workerd ended before it listened');
}
