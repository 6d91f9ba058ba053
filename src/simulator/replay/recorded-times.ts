// When the pieces of a stream came whose file alone is replayed: from the exchange it is part of, or from a file of
// times beside it.

import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

import type { Chunk, Ended } from '../recording/recording.ts';
import { isObject } from '../validate-value.ts';
import { badRecording, parseRecording } from './parse-recording.ts';

export interface RecordedTimes {
  /** Before the first byte; undefined where that is not known. */
  readonly headMs: number | undefined;
  readonly chunks: readonly Chunk[];
  readonly ended: Ended;
}

/** Of `name.sse`, what `name.json` or `name.timing.json` says. Throws a SimulatorError `bad_recording`. */
export function timesBeside(path: string, byteCount: number): RecordedTimes | undefined {
  const base = path.replace(/\.sse$/, '');
  if (base === path) return undefined;
  const times = timesOfExchange(path, `${base}.json`) ?? timesAlone(`${base}.timing.json`);
  if (times === undefined) return undefined;
  const sum = times.chunks.reduce((total, [, length]) => total + length, 0);
  if (times.ended.how === 'unknown' || sum === byteCount) return times;
  throw badRecording(path, `it has ${byteCount} bytes, and the times beside it are those of ${sum}`);
}

/** Undefined where the file is none of a recorder's, or has no times, or belongs to another stream. */
function timesOfExchange(path: string, file: string): RecordedTimes | undefined {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (!text.includes('"millraceRecording"')) return undefined;
  const { response, ended } = parseRecording(text, file);
  if (response?.chunks === undefined || response.bodyFile !== basename(path)) return undefined;
  return { headMs: response.headMs, chunks: response.chunks, ended };
}

/** `{"chunks": [22, 783], "chunkTimings_ms": [0, 1]}`: lengths, and the time before each. */
function timesAlone(file: string): RecordedTimes | undefined {
  if (!existsSync(file)) return undefined;
  const { chunks: lengths, chunkTimings_ms: gaps } = parseObject(readFileSync(file, 'utf8'), file);
  if (!isNumbers(lengths) || !isNumbers(gaps) || lengths.length !== gaps.length) {
    throw badRecording(file, 'chunks and chunkTimings_ms: two lists of as many numbers from 0 are wanted');
  }
  let ms = 0;
  const chunks = lengths.map((length, index): Chunk => [(ms += gaps[index] ?? 0), length]);
  return { headMs: undefined, chunks, ended: { how: 'complete', ms } };
}

function parseObject(text: string, file: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw badRecording(file, `it is not JSON: ${(cause as SyntaxError).message}`);
  }
  return isObject(value) ? value : {};
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'number' && each >= 0);
}
