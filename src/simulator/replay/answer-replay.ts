// Answers a request from recordings. Nothing is validated, and no key is wanted: what was recorded is the answer.

import { readFile } from 'node:fs/promises';

import { createPacer } from '../create-pacer.ts';
import type { Exchange } from '../exchange.ts';
import { chooseFaults } from '../faults/choose-faults.ts';
import { readBody } from '../read-body.ts';
import { isDecodable } from '../recording/body-decoder.ts';
import { keptPath } from '../recording/kept-headers.ts';
import { toKeptBody } from '../recording/kept-body.ts';
import type { RecordedAsk, RecordedReply } from '../recording/recording.ts';
import { SecretMask, secretsOf } from '../recording/secret-mask.ts';
import { sendReply } from '../send-reply.ts';
import { isObject } from '../validate-value.ts';
import type { StoredRecording } from './open-replay.ts';
import type { ReplayMatcher } from './replay-matcher.ts';
import { endSteps, pacedSteps, replaySteps } from './replay-steps.ts';

/** Names the recording an answer is from, and whether its request was equal or only the next. */
const replayHeader = 'x-simulator-replay';

/** Throws an ApiError to have it sent: when no recording matches, and when a fault plan is none. */
export async function answerReplay(exchange: Exchange, matcher: ReplayMatcher): Promise<void> {
  const { simulation, request, record } = exchange;
  const bytes = await readBody(request, simulation.settings.maxBodyBytes);
  if (bytes === undefined) return;
  const asked = toAsk(exchange, bytes);
  const body = jsonOrText(bytes.toString());
  simulation.log.setBody(record, body, bytes.length);
  chooseFaults(exchange, body);
  simulation.log.changed(record);
  admit(exchange, body);
  const { recording, by } = matcher.next(asked);
  const source = { [replayHeader]: `${recording.name}; ${by}` };
  const { response } = recording;
  if (response === null) return sendNothing(exchange, recording);
  const stored = await readFile(recording.bodyPath ?? '');
  const isStream = /^text\/event-stream\b/.test(response.headers['content-type'] ?? '');
  const pacer = createPacer(exchange, { model: modelOf(body), inputTokens: 0 });
  const { speed } = simulation.settings;
  await sendReply(exchange, {
    delayMs: speed === 0 ? 0 : response.headMs / speed,
    status: response.status,
    headers: { ...replayedHeaders(response), ...source },
    isFromEdge: true,
    isStream,
    isCompressible: isDecodable(response.headers['content-encoding']),
    steps:
      response.chunks === undefined
        ? pacedSteps(stored, recording.ended, pacer)
        : replaySteps({ headMs: response.headMs, chunks: response.chunks, ended: recording.ended }, stored, {
            speed,
            isByEvent: exchange.faults.length > 0,
          }),
  });
}

/** The request as it would have been recorded, so that the two can be compared. */
function toAsk({ request }: Exchange, bytes: Buffer): RecordedAsk {
  const { headers, url = '', method = '' } = request;
  const mask = new SecretMask(secretsOf(headers, url));
  return {
    method,
    path: keptPath(url, mask),
    headers: {},
    ...toKeptBody(bytes, { mask, contentEncoding: headers['content-encoding'] }),
  };
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function modelOf(body: unknown): string {
  return isObject(body) && typeof body['model'] === 'string' ? body['model'] : '';
}

/** Only a fault has limits here; its tokens are not counted. */
function admit(exchange: Exchange, body: unknown): void {
  exchange.limits.admit(0, { model: modelOf(body), organizationId: exchange.simulation.organizationId });
}

/** No answer had come: the connection stays silent until the reader leaves as the recorded one did, or breaks off. */
async function sendNothing(exchange: Exchange, { ended }: StoredRecording): Promise<void> {
  await sendReply(exchange, {
    delayMs: 0,
    status: undefined,
    headers: {},
    isFromEdge: true,
    isStream: false,
    steps: endSteps(ended),
  });
}

/** Those of the connection and of the body's form are this answer's own. */
function replayedHeaders({ headers }: RecordedReply): Record<string, string> {
  const encoding = headers['content-encoding'];
  const left = new Set(['connection', 'content-length', 'keep-alive', 'transfer-encoding']);
  if (isDecodable(encoding)) left.add('content-encoding');
  const kept = Object.entries(headers).filter(([name]) => !left.has(name) && !name.startsWith('x-simulator'));
  return Object.fromEntries(kept);
}
