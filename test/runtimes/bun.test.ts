import { runProbe } from './run-probe.ts';
import { runtimeProgram } from './runtime-program.ts';
import { testRuntime } from './test-runtime.ts';

testRuntime({
  name: 'Bun',
  run: ({ url }) =>
    runProbe({ command: [runtimeProgram('bun'), 'run'], firstArgument: 'process.argv[2]', url }),
});
