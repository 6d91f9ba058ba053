// Writes src/simulator/delta-profiles.ts: how large deltas are and when the first byte comes, for each family of
// models, as quantiles of what was recorded.
//
//   node --conditions=millrace-source scripts/fit-delta-profiles.ts [folder]
//
// Counted are the API's own bytes (with their padding: no recorder has merged or rebuilt anything). Where a family
// has too few of those, recordings count whose bytes were changed but whose deltas were not; where there are still
// too few, the profile has no entry, and the simulator takes the next best (src/simulator/delta-sizes.ts).

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

import { familyOf } from '../src/simulator/model-family.ts';
import { deltaSizesOf, readRecordedStreams } from './recorded-streams.ts';
import type { DeltaSizes, RecordedStream } from './recorded-streams.ts';

type Profile = Record<string, readonly number[]>;

/** How many samples an entry takes at least. */
const leastSamples = { first: 10, text: 30, thinking: 30, json: 100, firstByteMs: 15 };
/** How many quantiles an entry has: the least, the most, and what lies evenly between. */
const points = { first: 17, text: 33, thinking: 33, json: 33, firstByteMs: 11 };

/**
 * Sonnet 5's text: p10, p50, p90 and p99 of a larger collection than the folder has, which holds next to nothing
 * of it. Between them a straight line.
 */
const measuredElsewhere: Readonly<Record<string, Profile>> = {
  'sonnet-5': {
    text: interpolate([
      [0, 2],
      [0.1, 17],
      [0.5, 68],
      [0.9, 97],
      [0.99, 110],
      [1, 112],
    ]),
  },
};

export interface Fit {
  readonly profiles: Readonly<Record<string, Profile>>;
  /** Sizes of tool input on all models together. */
  readonly anyJson: readonly number[];
}

/** The quantiles of what the recordings in `folder` have. */
export function fitDeltaProfiles(folder: string): Fit {
  const streams = readRecordedStreams(folder);
  const firstByteMs = readFirstByteMs(join(folder, 'headers.jsonl.gz'), streams);
  const families = [...new Set(streams.map(({ model }) => familyOf(model)))].sort();
  const profiles: Record<string, Profile> = {};
  for (const family of families) {
    const own = streams.filter(({ model }) => model.startsWith('claude') && familyOf(model) === family);
    profiles[family] = {
      ...profileOf(own),
      ...entryOf('firstByteMs', firstByteMs.get(family) ?? []),
      ...measuredElsewhere[family],
    };
  }
  const everything = deltaSizesOf(streams.filter(({ isExact }) => isExact));
  return { profiles, anyJson: quantiles(everything.json, points.json) };
}

function profileOf(own: readonly RecordedStream[]): Profile {
  const exact = deltaSizesOf(own.filter(({ isExact }) => isExact));
  const all = deltaSizesOf(own.filter(({ hasOwnDeltas }) => hasOwnDeltas));
  const pick = (name: keyof DeltaSizes): Profile =>
    entryOf(name, exact[name].length < leastSamples[name] ? all[name] : exact[name]);
  return { ...pick('first'), ...pick('text'), ...pick('thinking'), ...entryOf('json', exact.json) };
}

function entryOf(name: keyof typeof points, samples: readonly number[]): Profile {
  if (samples.length < leastSamples[name]) return {};
  return { [name]: quantiles(samples, points[name]) };
}

function quantiles(samples: readonly number[], count: number): number[] {
  const sorted = samples.toSorted((a, b) => a - b);
  return Array.from({ length: count }, (_, point) => {
    const position = Math.round((point / (count - 1)) * (sorted.length - 1));
    return sorted[position] ?? 0;
  });
}

function interpolate(known: readonly (readonly [share: number, size: number])[]): number[] {
  return Array.from({ length: points.text }, (_, point) => {
    const share = point / (points.text - 1);
    const next = Math.max(
      known.findIndex(([each]) => each >= share),
      1,
    );
    const [[lowShare, low] = [0, 0], [highShare, high] = [1, 0]] = known.slice(next - 1, next + 1);
    return Math.round(low + ((share - lowShare) / (highShare - lowShare)) * (high - low));
  });
}

/** What the edge of the network says the API took for its first byte. */
function readFirstByteMs(path: string, streams: readonly RecordedStream[]): Map<string, number[]> {
  const modelOf = new Map(streams.map(({ file, model }) => [file, model]));
  const found = new Map<string, number[]>();
  for (const line of gunzipSync(readFileSync(path)).toString().trimEnd().split('\n')) {
    const { file, headers } = JSON.parse(line) as { file: string; headers: Record<string, string> | null };
    const took = Number(headers?.['x-envoy-upstream-service-time']);
    const model = modelOf.get(file);
    if (model === undefined || !(took > 0)) continue;
    const family = familyOf(model);
    found.set(family, [...(found.get(family) ?? []), took]);
  }
  return found;
}

function toModule({ profiles, anyJson }: Fit): string {
  const families = Object.entries(profiles).map(([family, profile]) => {
    const entries = Object.entries(profile).map(([name, values]) => `${name}: [${values.join(', ')}],`);
    return `  '${family}': {\n    ${entries.join('\n    ')}\n  },`;
  });
  return `// Written by scripts/fit-delta-profiles.ts from recorded streams: quantiles, from the least to the most.

import type { ModelFamily } from './model-family.ts';

/** Sizes in characters. What a family has too few recordings of is left out. */
export interface DeltaProfile {
  /** The first delta of an answer that begins with text or thinking. */
  readonly first?: readonly number[];
  readonly text: readonly number[];
  readonly thinking?: readonly number[];
  /** Input of tools, behind the first, empty delta. */
  readonly json?: readonly number[];
  /** From the request to the first byte of its answer. */
  readonly firstByteMs?: readonly number[];
}

export const deltaProfiles: Readonly<Record<ModelFamily, DeltaProfile>> = {
${families.join('\n')}
};

/** Input of tools on all models. */
export const anyJson: readonly number[] = [${anyJson.join(', ')}];
`;
}

if (import.meta.main) {
  const shared =
    process.argv[2] ?? process.env['MILLRACE_SHARED'] ?? join(import.meta.dirname, '../../shared');
  const target = join(import.meta.dirname, '../src/simulator/delta-profiles.ts');
  writeFileSync(target, toModule(fitDeltaProfiles(join(shared, 'streams'))));
  console.log('wrote src/simulator/delta-profiles.ts; `npm run format` comes next');
}
