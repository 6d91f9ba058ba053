// A recorded body as the steps of an answer: the same pieces at the same times.

import type { Pacer } from '../pacer.ts';
import { pacedFrames } from '../paced-frames.ts';
import { splitRecording } from '../recorded-frames.ts';
import type { Chunk, Ended } from '../recording/recording.ts';
import type { Frame, Step } from '../step.ts';
import type { RecordedTimes } from './recorded-times.ts';

/** In the gap before a frame pings may be due, which are in the recording or were not; in a silence none is. */
const longGapMs = 10_000;
/** The reader's time to look at the last bytes, as `cut` faults have it. */
const lingerMs = 200;

export interface ReplayTiming {
  /** 1 as recorded, 2 twice as fast, 0 without pauses. */
  readonly speed: number;
  /** Send whole events, each when its last byte came: what faults count. */
  readonly isByEvent: boolean;
}

/** The steps behind the head, which leaves with the first of them. */
export function* replaySteps(
  { headMs = 0, chunks: recorded, ended }: RecordedTimes,
  body: Buffer,
  { speed, isByEvent }: ReplayTiming,
): Generator<Step> {
  const chunks = fitted(recorded, body.length);
  const scale = (ms: number): number => (speed === 0 ? 0 : Math.max(ms, 0) / speed);
  let lastMs = headMs;
  // An empty frame sends the head alone. Where events are counted it would be one.
  if (!isByEvent && (chunks[0]?.[0] ?? Infinity) > lastMs) yield frame(body.subarray(0, 0), 0, 0);
  for (const { bytes, ms, eventCount } of isByEvent ? eventPieces(chunks, body) : chunkPieces(chunks, body)) {
    const gapMs = scale(ms - lastMs);
    // It is part of the gap: the frame is due where it always was.
    if (gapMs >= longGapMs) yield* silence(gapMs);
    yield frame(bytes, gapMs, eventCount);
    lastMs = ms;
  }
  if ('ms' in ended && ended.how !== 'reader_left') yield* silence(scale(ended.ms - lastMs));
  yield* endSteps(ended);
}

/** The steps of a body whose times somebody took out. */
export function* pacedSteps(bytes: Uint8Array, ended: Ended, pacer: Pacer): Generator<Step> {
  yield* pacedFrames(bytes, pacer);
  yield* endSteps(ended);
}

/** What the reader of an exchange that ended so sees behind the last byte; nothing where it ends as it should. */
export function endSteps(ended: Ended): readonly Step[] {
  // What would have come is not known, and the reader who left did not get an end.
  if (ended.how === 'reader_left') return [{ type: 'silence', durationMs: Infinity, pingMs: Infinity }];
  if (ended.how === 'unknown') return [{ type: 'close', by: 'fin', lingerMs }];
  return ended.how === 'cut' ? [{ type: 'close', by: ended.by, lingerMs }] : [];
}

function* silence(durationMs: number): Generator<Step> {
  if (durationMs > 0) yield { type: 'silence', durationMs, pingMs: Infinity };
}

function frame(bytes: Uint8Array, gapMs: number, eventCount: number): Frame {
  return { type: 'frame', bytes, gapMs, eventCount, isAlone: true };
}

/** Where the recorder was killed, the files may differ by a few bytes: they belong to the last chunk. */
function fitted(chunks: readonly Chunk[], byteCount: number): Chunk[] {
  let left = byteCount;
  return chunks.map(([ms, size], index) => {
    const taken = index === chunks.length - 1 ? left : Math.min(size, left);
    left -= taken;
    return [ms, taken];
  });
}

interface Piece {
  readonly bytes: Buffer;
  readonly ms: number;
  /** How many events end in it. */
  readonly eventCount: number;
}

function* chunkPieces(chunks: readonly Chunk[], body: Buffer): Generator<Piece> {
  const ends = eventEnds(body);
  let next = ends.next();
  let position = 0;
  for (const [ms, byteCount] of chunks) {
    const end = position + byteCount;
    let eventCount = 0;
    for (; next.done !== true && next.value <= end; next = ends.next()) eventCount += 1;
    yield { bytes: body.subarray(position, end), ms, eventCount };
    position = end;
  }
}

function* eventPieces(chunks: readonly Chunk[], body: Buffer): Generator<Piece> {
  let position = 0;
  let index = 0;
  let chunkEnd = chunks[0]?.[1] ?? 0;
  for (const end of eventEnds(body)) {
    while (chunkEnd < end && index < chunks.length - 1) chunkEnd += chunks[(index += 1)]?.[1] ?? 0;
    yield { bytes: body.subarray(position, end), ms: chunks[index]?.[0] ?? 0, eventCount: 1 };
    position = end;
  }
}

/** Where each event ends, and the end of what is behind the last one. */
function* eventEnds(body: Buffer): Generator<number> {
  let end = 0;
  for (const { length } of splitRecording(body)) yield (end += length);
}
