// Installs a Debian package, which only root on a Debian-like system can.

import { runCommand } from './run-command.ts';

const environment = { DEBIAN_FRONTEND: 'noninteractive' };

/**
 * Says what it does and why on stderr. The lists of packages are fetched only when it does not work with those at
 * hand, which are missing in a fresh container and stale on an old machine. Gives whether it worked.
 */
export async function installPackage(name: string, reason: string): Promise<boolean> {
  console.error(`${reason}: installing Debian's package ${name} (apt-get install ${name})`);
  if (await run('install', '-y', '--no-install-recommends', name)) return true;
  console.error('That did not work with the package lists at hand: fetching them anew (apt-get update)');
  return (await run('update')) && (await run('install', '-y', '--no-install-recommends', name));
}

async function run(...parameters: readonly string[]): Promise<boolean> {
  const { exitCode } = await runCommand(['apt-get', '-q', ...parameters], { environment, output: 'show' });
  return exitCode === 0;
}
