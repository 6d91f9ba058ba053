// What a simulator is told to replay: a folder of recordings, one of them, or the bytes of a stream alone.

import { readFileSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { bodySuffix } from '../recording/recording.ts';
import type { Chunk, Recording } from '../recording/recording.ts';
import { badRecording, parseRecording } from './parse-recording.ts';
import { timesBeside } from './recorded-times.ts';
import type { RecordedTimes } from './recorded-times.ts';
import { ReplayMatcher } from './replay-matcher.ts';
import type { ReplayMatch } from './replay-matcher.ts';

export type Replay =
  /** The answer to every valid streaming request, at the simulator's own pace where its times are not known. */
  | { readonly kind: 'stream'; readonly bytes: Uint8Array; readonly times: RecordedTimes | undefined }
  /** Each the answer to its request, whatever that is. */
  | { readonly kind: 'exchanges'; readonly matcher: ReplayMatcher };

/** A recording that is sound, with what it is called. */
export interface StoredRecording extends Recording {
  /** Such as `0001-messages`. */
  readonly name: string;
  /** Where its body is; undefined when there is none. */
  readonly bodyPath: string | undefined;
}

/** Throws a SimulatorError `bad_recording`, and what the system says of a file that cannot be read. */
export function openReplay(source: string | URL | Uint8Array, match: ReplayMatch): Replay {
  if (source instanceof Uint8Array) return { kind: 'stream', bytes: source, times: undefined };
  const path = typeof source === 'string' ? source : fileURLToPath(source);
  const isFolder = statSync(path).isDirectory();
  if (!isFolder && !path.endsWith('.json')) {
    const bytes = readFileSync(path);
    return { kind: 'stream', bytes, times: timesBeside(path, bytes.length) };
  }
  const files = isFolder ? recordingsIn(path) : [path];
  return { kind: 'exchanges', matcher: new ReplayMatcher(files.flatMap(openRecording), match) };
}

/** In the order in which they were recorded. */
function recordingsIn(folder: string): string[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.json') && !file.endsWith(bodySuffix));
  if (files.length === 0) {
    throw badRecording(
      folder,
      'the folder has no recordings; a stream alone is replayed by the name of its file',
    );
  }
  return files
    .toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10) || (a < b ? -1 : 1))
    .map((file) => join(folder, file));
}

function openRecording(path: string): StoredRecording[] {
  const text = readFileSync(path, 'utf8');
  // Of a recorder that was killed between making the file and writing it.
  if (text === '') return [];
  const recording = parseRecording(text, path);
  const { response } = recording;
  const bodyPath = response === null ? undefined : join(dirname(path), response.bodyFile);
  if (bodyPath !== undefined) checkLength(recording, { path, bodyPath });
  return [{ ...recording, name: basename(path, '.json'), bodyPath }];
}

/** Where the recorder was killed the two files may differ by what was on its way. */
function checkLength(
  { response, ended }: Recording,
  { path, bodyPath }: { path: string; bodyPath: string },
): void {
  const byteCount = statSync(bodyPath, { throwIfNoEntry: false })?.size;
  if (byteCount === undefined) throw badRecording(path, `response.bodyFile: there is no ${bodyPath}`);
  const chunks = response?.chunks;
  if (chunks === undefined || ended.how === 'unknown' || lengthOf(chunks) === byteCount) return;
  throw badRecording(
    path,
    `response.chunks: they add up to ${lengthOf(chunks)} bytes, and ${basename(bodyPath)} has ${byteCount}; ` +
      'without the field the simulator paces the body itself',
  );
}

function lengthOf(chunks: readonly Chunk[]): number {
  return chunks.reduce((sum, [, byteCount]) => sum + byteCount, 0);
}
