import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCommand } from '../../scripts/run-command.ts';
import type { CommandOptions } from '../../scripts/run-command.ts';

function runProgram(program: string, options?: CommandOptions) {
  return runCommand([process.execPath, '--eval', program], options);
}

test('runCommand() gives the exit code and what came on both streams', async () => {
  const result = await runProgram(`console.log('out'); console.error('err'); process.exitCode = 3;`);
  assert.equal(result.exitCode, 3);
  assert.deepEqual(result.output.trim().split('\n').toSorted(), ['err', 'out']);
  assert.equal(result.isOverLimit, false);
});

test('runCommand() gives 127 and says so when the program is not there', async () => {
  const { exitCode, output } = await runCommand(['millrace-no-such-program']);
  assert.equal(exitCode, 127);
  assert.match(output, /^Cannot run millrace-no-such-program: /);
});

test('runCommand() gives 128 and the number of the signal that ended the program', async () => {
  assert.equal(
    (await runProgram(`process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000);`)).exitCode,
    143,
  );
});

test('runCommand() ends a program at its limit', async () => {
  const result = await runProgram(`setInterval(() => {}, 1000);`, { limitMs: 1 });
  assert.deepEqual(result, { exitCode: 143, output: '', isOverLimit: true });
});

test('runCommand() hands on no standard input, and adds to the environment', async () => {
  const program = `process.stdin.on('end', () => console.log(process.env.ADDED)).resume();`;
  assert.equal((await runProgram(program, { environment: { ADDED: 'yes' } })).output, 'yes\n');
});

test('runCommand() leaves no listener for signals behind', async () => {
  const before = process.listenerCount('SIGTERM');
  await runProgram('');
  assert.equal(process.listenerCount('SIGTERM'), before);
});
