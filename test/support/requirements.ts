// What a test may need beyond npm, as reasons to skip. Each function gives `false` when the test can run, so
// its result goes straight into node:test's `skip` option. `scripts/test.ts` sets the environment read here.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const sharedPath =
  process.env['MILLRACE_SHARED'] ?? fileURLToPath(new URL('../../../shared', import.meta.url));

/** Why tests that drive a browser are left out in this run, or `false`. */
export function browserSkip(): string | false {
  return isLeftOut('browser') && 'left out by --without browser';
}

/** Why tests behind a real nginx are left out in this run, or `false`. */
export function nginxSkip(): string | false {
  return isLeftOut('nginx') && 'left out by --without nginx';
}

/** Why the check of the systemd unit cannot run here, or `false`. */
export function systemdSkip(): string | false {
  return !existsSync(systemdAnalyze) && `${systemdAnalyze} is not here`;
}

export const systemdAnalyze = '/usr/bin/systemd-analyze';

/** Why no program can be run at a terminal of its own here, or `false`. */
export function terminalSkip(): string | false {
  return (process.platform !== 'linux' || !existsSync(scriptProgram)) && `${scriptProgram} is not here`;
}

export const scriptProgram = '/usr/bin/script';

function isLeftOut(name: string): boolean {
  return (process.env['MILLRACE_WITHOUT'] ?? '').split(',').includes(name);
}

/** The folder `shared` beside the repository, or the one MILLRACE_SHARED names, which holds recorded streams; absent in most clones. */
export function sharedFolder(): string | undefined {
  return existsSync(sharedPath) ? sharedPath : undefined;
}

/** Why tests that read recordings from the shared folder cannot run, or `false`. */
export function sharedSkip(): string | false {
  return (
    sharedFolder() === undefined && `the folder ${process.env['MILLRACE_SHARED'] ?? '../shared'} is not here`
  );
}
