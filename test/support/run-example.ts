// An example of the documentation as a program of its own, with a simulator for its API.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { startSimulator } from 'millrace/simulator';

/** What the example prints, and its exit code. */
export async function runExample(
  code: string,
): Promise<{ readonly output: string; readonly exitCode: number }> {
  await using simulator = await startSimulator({ speed: 0 });
  const child = spawn(
    process.execPath,
    ['--conditions=millrace-source', '--input-type=module-typescript', '-'],
    {
      cwd: join(import.meta.dirname, '../..'),
      env: { ...process.env, ANTHROPIC_API_KEY: 'k', ANTHROPIC_BASE_URL: simulator.url },
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  child.stdin.end(code);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const [exitCode] = (await once(child, 'close')) as [number];
  return { output, exitCode };
}
