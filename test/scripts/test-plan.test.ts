import assert from 'node:assert/strict';
import { test } from 'node:test';
import countTests from '../../scripts/count-reporter.ts';
import { requirements } from '../../scripts/requirements.ts';
import {
  filesThatNeed,
  findEmptiness,
  parseTestArguments,
  usage,
  UsageError,
} from '../../scripts/test-plan.ts';

test('parseTestArguments() asks for all tests and leaves nothing out by default', () => {
  assert.deepEqual(parseTestArguments([]), { patterns: ['test/**/*.test.ts'], without: [] });
});

test('parseTestArguments() takes files and what to leave out, by comma and by repetition', () => {
  assert.deepEqual(parseTestArguments(['--without', 'browser,redis', 'test/a.test.ts', 'test/b/*.test.ts']), {
    patterns: ['test/a.test.ts', 'test/b/*.test.ts'],
    without: ['browser', 'redis'],
  });
  assert.deepEqual(parseTestArguments(['--without=browser', '--without=redis']).without, [
    'browser',
    'redis',
  ]);
});

test('parseTestArguments() refuses an option or a name that it does not know', () => {
  assert.throws(() => parseTestArguments(['--without', 'browser,toString']), {
    name: 'UsageError',
    message: 'Nothing is called "toString" in --without',
  });
  assert.throws(() => parseTestArguments(['--without', '']), UsageError);
  assert.throws(() => parseTestArguments(['--without']), UsageError);
  assert.throws(() => parseTestArguments(['--fast']), UsageError);
});

test('usage names everything that can be left out', () => {
  for (const name of Object.keys(requirements)) assert.ok(usage.includes(name), name);
});

test('filesThatNeed() gives the files in which the mark of the requirement stands', () => {
  const { browser } = requirements;
  const files = new Map([
    ['page.test.ts', `test('…', { skip: ${browser.mark}() }, …)`],
    ['other.test.ts', ''],
  ]);
  assert.deepEqual(filesThatNeed(browser, files), ['page.test.ts']);
});

test('findEmptiness() finds nothing when each file has tests and one of them ran', () => {
  const counts = { 'a.test.ts': { ran: 1, skipped: 0 }, 'b.test.ts': { ran: 0, skipped: 2 } };
  assert.equal(findEmptiness(['a.test.ts', 'b.test.ts'], counts), undefined);
});

test('findEmptiness() finds a file without tests, a run in which all were skipped, and a run of nothing', () => {
  const ran = { 'a.test.ts': { ran: 1, skipped: 0 } };
  const skipped = { 'a.test.ts': { ran: 0, skipped: 1 } };
  assert.equal(findEmptiness(['a.test.ts', 'b.test.ts'], ran), 'there is no test in b.test.ts');
  assert.equal(findEmptiness(['a.test.ts'], skipped), 'every test was skipped');
  assert.equal(findEmptiness([], {}), 'no test file was found');
});

test('countTests() counts tests by their file, and neither suites nor the entries for whole files', async () => {
  const entryFile = '/a.test.ts';
  const events = (async function* () {
    yield { type: 'test:start', data: { entryFile } };
    yield { type: 'test:pass', data: { entryFile, details: { type: 'test' } } };
    yield { type: 'test:fail', data: { entryFile, details: { type: 'test' } } };
    yield { type: 'test:pass', data: { entryFile, details: { type: 'test' }, skip: 'a reason' } };
    yield { type: 'test:pass', data: { entryFile, details: { type: 'test' }, skip: true } };
    yield { type: 'test:pass', data: { entryFile, details: { type: 'suite' } } };
    yield { type: 'test:pass', data: { details: { type: 'test' } } };
    yield { type: 'test:summary', data: {} };
  })();
  let written = '';
  for await (const text of countTests(events)) written += text;
  assert.deepEqual(JSON.parse(written), { [entryFile]: { ran: 2, skipped: 2 } });
});
