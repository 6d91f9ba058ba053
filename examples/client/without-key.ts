// What every example imports first. With a key in the environment it does nothing, and Claude answers. Without one it
// starts the simulator, in a thread that does not keep the program alive, with the answers of without-key.yaml.

import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

if (!isMainThread) {
  const { loadScenario, startSimulator } = await import('millrace/simulator');
  const scenario = await loadScenario(`${import.meta.dirname}/without-key.yaml`);
  const { url } = await startSimulator({ scenario });
  parentPort?.postMessage(url);
} else if (!process.env['ANTHROPIC_API_KEY'] && !process.env['ANTHROPIC_AUTH_TOKEN']) {
  const simulator = new Worker(new URL(import.meta.url));
  const [url] = (await once(simulator, 'message')) as [string];
  simulator.unref();
  process.env['ANTHROPIC_API_KEY'] = 'any';
  process.env['ANTHROPIC_BASE_URL'] = url;
  console.error('No ANTHROPIC_API_KEY is set: the simulator answers.\n');
}
