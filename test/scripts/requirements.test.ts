import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findRequirement, requirements } from '../../scripts/requirements.ts';
import type { Machine } from '../../scripts/requirements.ts';

const { browser } = requirements;

/** A machine on which only these files exist. */
function machineWith(files: readonly string[], machine: Partial<Machine> = {}): Machine {
  return {
    environment: { PATH: '/usr/local/bin:/usr/bin' },
    isRoot: false,
    exists: (path) => files.includes(path),
    ...machine,
  };
}

const debian = ['/etc/debian_version', '/usr/bin/apt-get'];

test('findRequirement() takes the program that the variable names before one on the PATH', () => {
  const environment = { MILLRACE_CHROMIUM: '/opt/browser', PATH: '/usr/bin' };
  const machine = machineWith(['/opt/browser', '/usr/bin/chromium'], { environment });
  assert.deepEqual(findRequirement(browser, machine), { type: 'found', path: '/opt/browser' });
});

test('findRequirement() refuses a variable that names what is not there, also where another program is', () => {
  const environment = { MILLRACE_CHROMIUM: '/opt/browser', PATH: '/usr/bin' };
  const machine = machineWith(['/usr/bin/chromium'], { environment });
  assert.deepEqual(findRequirement(browser, machine), {
    type: 'missing',
    remedy: 'MILLRACE_CHROMIUM names /opt/browser, which is not there',
  });
});

test('findRequirement() takes an empty variable for one that is not set', () => {
  const environment = { MILLRACE_CHROMIUM: '', PATH: '/usr/bin' };
  const machine = machineWith(['/usr/bin/chromium'], { environment });
  assert.deepEqual(findRequirement(browser, machine), { type: 'found', path: '/usr/bin/chromium' });
});

test('findRequirement() prefers the better name to the earlier folder of the PATH', () => {
  const machine = machineWith(['/usr/local/bin/google-chrome', '/usr/bin/chromium']);
  assert.deepEqual(findRequirement(browser, machine), { type: 'found', path: '/usr/bin/chromium' });
});

test('findRequirement() calls what is missing installable only for root on a system with apt', () => {
  assert.deepEqual(findRequirement(browser, machineWith(debian, { isRoot: true })), { type: 'installable' });
  for (const machine of [
    machineWith(debian),
    machineWith([], { isRoot: true }),
    machineWith(['/etc/debian_version'], { isRoot: true }),
    machineWith([], { environment: {} }),
  ]) {
    assert.equal(findRequirement(browser, machine).type, 'missing');
  }
});

test('findRequirement() says what to run where it may not install', () => {
  assert.deepEqual(findRequirement(browser, machineWith(debian)), {
    type: 'missing',
    remedy: 'run: sudo apt-get install chromium, or name the program in MILLRACE_CHROMIUM',
  });
  assert.deepEqual(findRequirement(browser, machineWith([])), {
    type: 'missing',
    remedy:
      'install Chromium (on Debian: apt-get install chromium), or name the program in MILLRACE_CHROMIUM',
  });
});
