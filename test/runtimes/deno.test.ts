import { runProbe } from './run-probe.ts';
import { runtimeProgram } from './runtime-program.ts';
import { testRuntime } from './test-runtime.ts';

testRuntime({
  name: 'Deno, which may reach the API and nothing else',
  run: ({ url }) => {
    const net = `--allow-net=${new URL(url).host}`;
    const parameters = ['run', '--no-prompt', '--no-config', '--no-lock', '--no-remote', '--no-npm', net];
    return runProbe({ command: [runtimeProgram('deno'), ...parameters], firstArgument: 'Deno.args[0]', url });
  },
});
