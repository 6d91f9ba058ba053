// The errors of the real API, from recordings: each is what the simulator answers to the same request. And what the
// real API took, the simulator takes.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';

import { startSimulator } from '../../src/simulator/index.ts';
import { parseMessagesRequest } from '../../src/simulator/validate-request.ts';
import { sharedFolder, sharedSkip } from '../support/requirements.ts';

interface Recorded {
  readonly status: number;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly request: string | null;
  readonly source: string;
}

/** Recorded errors that do not follow from their request, by the end of their source. */
const exceptions: Readonly<Record<string, string>> = {
  'anthropic-upload-file.yml': 'the Files API, not the Messages API',
  'TestAsyncParse/d743d628-16aa-4c9f-ae78-51deb578f746.json':
    'a limit of that organization, in bytes per hour; `rate_limit` refuses in this form',
  'handles_context_length_exceeded_errors.yml': 'the recording leaves the long text out',
};

/** Recorded requests that were taken and are refused here, by the end of their source. */
const refused: Readonly<Record<string, string>> = {
  'anthropic_completion_tools_call_with_tool_result_stream.yaml':
    'its tool result names another call than there was, which the API refuses by another recording',
};

function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

function readShared(path: string): Buffer {
  return readFileSync(join(sharedFolder() ?? '', path));
}

function exceptionTo(
  { source }: { source: string },
  list: Readonly<Record<string, string>>,
): string | undefined {
  return Object.keys(list).find((end) => source.endsWith(end));
}

/** The body that was sent, out of what the recorders wrapped it in. */
function bodyOf({ request }: Recorded): string {
  const outer = JSON.parse(request ?? '{}') as { string?: string; text?: string };
  return outer.string ?? outer.text ?? request ?? '';
}

/** Status, type and message, and whether the client was told to try again where that is recorded. */
async function ask(url: string, recorded: Recorded): Promise<object> {
  const { pathname, search } = new URL(recorded.url);
  // The recordings do not have the key; which header it came in follows from the text.
  const isBearer = recorded.body.includes('API key is invalid');
  const wrongKey = isBearer ? { authorization: 'Bearer invalid' } : { 'x-api-key': 'invalid' };
  const key = recorded.status === 401 ? wrongKey : { 'x-api-key': 'key' };
  const response = await fetch(url + pathname + search, {
    method: recorded.method,
    headers: { 'anthropic-version': '2023-06-01', ...key },
    ...(recorded.method === 'GET' ? {} : { body: bodyOf(recorded) }),
  });
  const shouldRetry = response.headers.get('x-should-retry');
  return toOutcome(response.status, await response.text(), recordedRetry(recorded) && shouldRetry);
}

function recordedRetry({ headers }: Recorded): string | undefined {
  return headers['x-should-retry'] ?? headers['X-Should-Retry'];
}

function toOutcome(status: number, body: string, shouldRetry: string | null | undefined): object {
  const { error } = JSON.parse(body) as { error?: { type: string; message: string } };
  return { status, type: error?.type, message: error?.message, shouldRetry };
}

describe('the errors of the real API', { skip: sharedSkip() }, () => {
  test('are what the same requests are answered with here, but for the exceptions named', async (t) => {
    await using simulator = await startSimulator({ speed: 0 });
    const all = linesOf(readShared('http/errors.jsonl').toString()).map(
      (line) => JSON.parse(line) as Recorded,
    );
    const real = all.filter(({ url }) => url.startsWith('https://api.anthropic.com/'));
    assert.ok(real.length >= 30, `${real.length} errors were found`);
    const needed = new Set<string>();
    for (const recorded of real) {
      const wanted = toOutcome(recorded.status, recorded.body, recordedRetry(recorded));
      const exception = exceptionTo(recorded, exceptions);
      const answered = await ask(simulator.url, recorded);
      if (exception === undefined) assert.deepEqual(answered, wanted, recorded.source);
      else {
        assert.notDeepEqual(answered, wanted, `${exception} is no exception any more`);
        needed.add(exception);
      }
    }
    assert.deepEqual([...needed].sort(), Object.keys(exceptions).sort(), 'each exception is still one');
    t.diagnostic(`${real.length - needed.size} of ${real.length} are reproduced`);
  });

  test('are not what a request gets that was taken', (t) => {
    const pairs = linesOf(gunzipSync(readShared('http/usage_pairs.jsonl.gz')).toString()).map(
      (line) => JSON.parse(line) as { request: { messages?: unknown } | null; source: string },
    );
    const needed = new Set<string>();
    let count = 0;
    const faults: string[] = [];
    for (const { request, source } of pairs) {
      if (!Array.isArray(request?.messages)) continue;
      count += 1;
      try {
        parseMessagesRequest(request);
      } catch (error) {
        const exception = exceptionTo({ source }, refused);
        if (exception === undefined) faults.push(`${source}: ${(error as Error).message}`);
        else needed.add(exception);
      }
    }
    assert.ok(count > 400, `${count} requests were found`);
    assert.deepEqual(faults, []);
    assert.deepEqual([...needed].sort(), Object.keys(refused).sort(), 'each exception is still one');
    t.diagnostic(`${count - needed.size} of ${count} are taken`);
  });
});
