// Which recording a request gets.

import { apiError } from '../api-errors.ts';
import type { RecordedAsk } from '../recording/recording.ts';
import { isObject } from '../validate-value.ts';
import { firstDifference } from './first-difference.ts';
import type { Difference } from './first-difference.ts';
import type { StoredRecording } from './open-replay.ts';

/** What a request gets that equals no recorded one: the next recording of its path, or an error. */
export type ReplayMatch = 'order' | 'strict';

export interface MatchedRecording {
  readonly recording: StoredRecording;
  readonly by: 'equal' | 'order';
}

export class ReplayMatcher {
  readonly #recordings: readonly StoredRecording[];
  readonly #match: ReplayMatch;
  readonly #replayed = new Set<StoredRecording>();

  constructor(recordings: readonly StoredRecording[], match: ReplayMatch) {
    this.#recordings = recordings;
    this.#match = match;
  }

  /**
   * The next recording of an equal request; the last one again when all were replayed. Else, by order, the next
   * of its method and path that was not replayed. Throws the API's 404 that says how the request differs.
   */
  next(asked: RecordedAsk): MatchedRecording {
    const ofPath = this.#recordings.filter(({ request }) => isSameRoute(request, asked));
    const equal = ofPath.filter(({ request }) => difference(request, asked) === undefined);
    const isLeft = (each: StoredRecording): boolean => !this.#replayed.has(each);
    const chosen = equal.find(isLeft) ?? equal.at(-1);
    if (chosen !== undefined) return this.#take(chosen, 'equal');
    const next = ofPath.find(isLeft);
    if (next !== undefined && this.#match === 'order') return this.#take(next, 'order');
    throw apiError('not_found_error', whyNone(asked, { ofPath, nearest: next ?? ofPath.at(-1) }));
  }

  #take(recording: StoredRecording, by: MatchedRecording['by']): MatchedRecording {
    this.#replayed.add(recording);
    return { recording, by };
  }
}

function isSameRoute(recorded: RecordedAsk, asked: RecordedAsk): boolean {
  return recorded.method === asked.method && pathnameOf(recorded) === pathnameOf(asked);
}

function pathnameOf({ path }: RecordedAsk): string {
  return path.split('?', 1)[0] ?? '';
}

function difference(recorded: RecordedAsk, asked: RecordedAsk): Difference | undefined {
  // A body that was not recorded equals none.
  if (recorded.bodyType === 'omitted') return { path: 'body', recorded: undefined, asked: bodyOf(asked) };
  return (
    firstDifference({ path: 'path', recorded: recorded.path, asked: asked.path }) ??
    firstDifference({ path: 'body', recorded: bodyOf(recorded), asked: bodyOf(asked) })
  );
}

/** Without what says who asks: it changes nothing about the answer. */
function bodyOf(ask: RecordedAsk): unknown {
  const body = 'body' in ask ? ask.body : undefined;
  if (!isObject(body)) return body;
  const { metadata: _, ...rest } = body;
  return rest;
}

function whyNone(
  asked: RecordedAsk,
  { ofPath, nearest }: { ofPath: readonly StoredRecording[]; nearest: StoredRecording | undefined },
): string {
  const route = `${asked.method} ${asked.path}`;
  if (nearest === undefined) return `No recording of ${route}: there is none of this method and path`;
  const differs = difference(nearest.request, asked);
  const where =
    differs === undefined ? '' : `, at ${differs.path}: ${excerpt(differs.recorded)} was recorded, `;
  const what = differs === undefined ? '' : `${excerpt(differs.asked)} was asked`;
  return (
    `No recording of ${route} with an equal body: ${ofPath.length} compared, without metadata. ` +
    `${nearest.name}.json differs first${where}${what}`
  );
}

function excerpt(value: unknown): string {
  if (value === undefined) return 'nothing';
  let text: string;
  try {
    text = JSON.stringify(value);
  } catch {
    // Too deep to be written.
    return 'a value';
  }
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
