// The program: arguments and wiring only. Each command has a file of its own.

import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { ask } from './ask.ts';
import { addSettingFlags, givenFlags } from './config/serve-flags.ts';
import { seamKinds } from '../simulator/index.ts';
import { packageVersion } from './package-version.ts';
import { defaultUpstream, record } from './record.ts';
import { serve } from './serve.ts';
import { simulate } from './simulate.ts';

/** What a command was wrongly called with, by the convention of the shells. */
const usageExitCode = 2;

/** Runs the command line and resolves with the exit code: 0, or what docs/cli.md says. Never rejects on bad usage. */
export async function main(argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = createProgram((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv.slice(), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : usageExitCode;
  }
  return exitCode;
}

function createProgram(setExitCode: (code: number) => void): Command {
  const program = new Command('millrace')
    .description('Streams Claude’s answers to people, token by token, and loses none on the way.')
    .version(packageVersion())
    .showHelpAfterError()
    .exitOverride()
    .allowExcessArguments(false);
  const model = () =>
    new Option('-m, --model <id>', 'model to ask').env('CLAUDE_MODEL').default('claude-sonnet-5');
  const maxTokens = () =>
    new Option('--max-tokens <number>', 'most tokens of an answer').argParser(parsePositive).default(4096);
  addServe(program, setExitCode);
  program
    .command('ask')
    .description('ask one question and stream the answer')
    .argument('[question...]', 'what to ask about what is piped in; - waits for it')
    .option('-s, --system <text>', 'system prompt')
    .addOption(model())
    .addOption(maxTokens())
    .action(async (question, options) => setExitCode(await ask(question, options)));
  addSimulate(program, setExitCode);
  addRecord(program, setExitCode);
  return program;
}

function port(): Option {
  return new Option('--port <number>', 'port to listen on, 0 for any free one').argParser(parsePort);
}

function addServe(program: Command, setExitCode: (code: number) => void): void {
  const command = program.command('serve').description('run the relay and its chat page');
  addSettingFlags(command);
  command
    .addOption(
      new Option('--config <file>', 'YAML or JSON file with settings, read again at SIGHUP').env(
        'MILLRACE_CONFIG',
      ),
    )
    .addOption(
      new Option('--set <name=value>', 'any setting of docs/configuration.md; again for more').argParser(
        severalOf,
      ),
    )
    .option('--print-config', 'print every setting and where it is from, and exit')
    .action(async ({ config, set = [], printConfig = false }) => {
      const flags = givenFlags(command);
      setExitCode(await serve({ file: config, flags, assignments: set, printsConfig: printConfig }));
    });
}

function addSimulate(program: Command, setExitCode: (code: number) => void): void {
  program
    .command('simulate')
    .description('run a local Messages API that needs no key')
    .addOption(port().default(8788))
    .option('--host <address>', 'address to listen on; others than loopback let anyone ask', '127.0.0.1')
    .addOption(
      new Option('--speed <factor>', 'pace: 1 as a model or as recorded, 2 twice as fast, 0 without pauses')
        .argParser(parsePace)
        .default(1),
    )
    .addOption(
      new Option('--ttft <ms>', 'time to the first byte, in place of the model’s').argParser(parsePace),
    )
    .addOption(
      new Option('--rate <tokens>', 'tokens per second, without pauses, in place of the model’s').argParser(
        parseRate,
      ),
    )
    .addOption(new Option('--seed <number>', 'same seed, same answers').argParser(parseCount).default(1))
    .addOption(
      new Option('--seam <kind>', 'how a continuation begins').choices(seamKinds).default(seamKinds[0]),
    )
    .option('--replay <path>', 'answer with a folder of recordings, or one .sse stream')
    .addOption(
      new Option('--match <how>', 'what an unrecorded request gets: the next in order, or a 404')
        .choices(['order', 'strict'] as const)
        .default('order' as const),
    )
    .option('--scenario <file>', 'answer by the rules of this YAML or JSON file')
    .option('--require-key', 'answer 401 to who sends no key')
    .addOption(
      new Option('--fault <plan>', 'what goes wrong, as "cut 2000 by=rst" or JSON; again for more').argParser(
        severalOf,
      ),
    )
    .action(async (options) => setExitCode(await simulate(options)));
}

function addRecord(program: Command, setExitCode: (code: number) => void): void {
  program
    .command('record')
    .description('pass requests on to an API and record them with their answers')
    .addOption(port().default(8789))
    .addOption(
      new Option('--upstream <url>', 'address of the Messages API')
        .env('ANTHROPIC_BASE_URL')
        .default(defaultUpstream),
    )
    .requiredOption('--out <folder>', 'where the recordings go, without keys and cookies')
    .action(async (options) => setExitCode(await record(options)));
}

function severalOf(value: string, values: readonly string[] | undefined): readonly string[] {
  return [...(values ?? []), value];
}

function parsePort(text: string): number {
  return numberFrom(text, {
    isValid: (value) => Number.isInteger(value) && value <= 65_535,
    wanted: '0 to 65535',
  });
}

function parsePositive(text: string): number {
  return numberFrom(text, {
    isValid: (value) => Number.isInteger(value) && value > 0,
    wanted: 'a whole number from 1',
  });
}

function parseCount(text: string): number {
  return numberFrom(text, { isValid: Number.isSafeInteger, wanted: 'a whole number from 0' });
}

function parseRate(text: string): number {
  return numberFrom(text, {
    isValid: (value) => Number.isFinite(value) && value > 0,
    wanted: 'a number above 0',
  });
}

function parsePace(text: string): number {
  return numberFrom(text, { isValid: Number.isFinite, wanted: 'a number from 0' });
}

function numberFrom(
  text: string,
  { isValid, wanted }: { isValid: (value: number) => boolean; wanted: string },
): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (value >= 0 && isValid(value)) return value;
  throw new InvalidArgumentError(`It must be ${wanted}.`);
}
