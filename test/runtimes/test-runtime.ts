// What has to hold of the client in every runtime, whichever it is.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Millrace } from 'millrace/client';
import { startSimulator } from 'millrace/simulator';
import type { RecordedRequest, Simulator } from 'millrace/simulator';
import { answerPrompt } from './probe.ts';
import type { Findings } from './probe.ts';

/** One of the test itself; two that stall; one whole; two cut, and gone on with; one cut; one for its bytes. */
const requestsInAll = 10;

export interface RuntimeTest {
  readonly name: string;
  /** Runs the probe there, on this API. */
  readonly run: (simulator: Simulator) => Promise<Findings>;
  readonly skip?: string | false | undefined;
}

export function testRuntime({ name, run, skip = false }: RuntimeTest): void {
  describe(`millrace/client in ${name}`, { skip }, () => {
    let simulator: Simulator;
    let findings: Findings;
    let text: string;
    /** How many requests had come when the connection of each that stalls was closed. */
    let closings: readonly number[];

    before(async () => {
      simulator = await startSimulator({ speed: 0 });
      text = await textOfAnswer(simulator.url);
      const watching = Promise.all([0, 1].map((index) => requestsAtClosing(simulator, index)));
      [findings, closings] = await Promise.all([run(simulator), watching]);
    });

    after(() => simulator?.close());

    test('asks the API where nothing else is said, and a missing key is its own error', () => {
      assert.equal(findings.defaultAddress, 'https://api.anthropic.com');
      assert.equal(findings.withoutKey, 'missing_api_key');
    });

    test('streams an answer to its end', () => {
      assert.deepEqual(findings.whole, { ending: 'complete', text, attempts: ['first'] });
    });

    test('goes on with an answer whose connection was closed or reset, and loses or repeats no character', () => {
      const recovered = { ending: 'complete', text, attempts: ['first', 'recovery'] };
      assert.deepEqual(findings.cutByFin, recovered);
      assert.deepEqual(findings.cutByRst, recovered);
    });

    test('does not take an answer that was cut for a whole one', () => {
      const { ending, text: begun, attempts } = findings.cutForGood;
      assert.deepEqual({ ending, attempts }, { ending: 'failed', attempts: ['first'] });
      assert.ok(begun.length < text.length && text.startsWith(begun), begun);
    });

    test('gives an answer up that has been silent for too long, and closes its connection', () => {
      const { ending, code, text: begun } = findings.silent;
      assert.deepEqual({ ending, code }, { ending: 'stalled', code: 'idle_timeout' });
      assert.ok(begun !== '' && begun.length < text.length && text.startsWith(begun), begun);
      assertClosedMeanwhile(closings[1]);
    });

    test('stops an answer with the reason given, and closes its connection', () => {
      const { ending, isReason, text: begun } = findings.aborted;
      assert.deepEqual({ ending, isReason }, { ending: 'aborted', isReason: true });
      assert.ok(begun !== '' && text.startsWith(begun), begun);
      assertClosedMeanwhile(closings[0]);
    });

    test('decodes the bytes with millrace/protocol', () => {
      assert.equal(simulator.requests.length, requestsInAll);
      assert.equal(findings.decodedText, text);
    });
  });
}

/** A connection that nobody closed would close with the program, behind its last request. */
function assertClosedMeanwhile(requestCount: number | undefined): void {
  assert.ok(
    requestCount !== undefined && requestCount < requestsInAll,
    `closed behind ${requestCount} requests`,
  );
}

async function requestsAtClosing(simulator: Simulator, index: number): Promise<number> {
  const isMeant = (request: RecordedRequest): boolean =>
    simulator.requests.filter(stalls).indexOf(request) === index;
  const request = await simulator.waitFor(isMeant);
  assert.equal(await request.closed, 'aborted');
  return simulator.requests.length;
}

function stalls({ faults }: RecordedRequest): boolean {
  return faults.some(({ kind }) => kind === 'stall');
}

/** The same answer, as the client of this process reads it without streaming. */
async function textOfAnswer(baseURL: string): Promise<string> {
  const { content } = await new Millrace({ apiKey: 'any', baseURL }).messages.create({
    model: 'claude-sonnet-5',
    max_tokens: 4096,
    messages: [{ role: 'user', content: answerPrompt }],
  });
  const text = content.map((block) => (block.type === 'text' ? block.text : '')).join('');
  assert.ok(text.length > 500, 'there is something to cut');
  return text;
}
