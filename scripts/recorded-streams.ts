// The recorded streams of the folder `shared`, with what the manifest says of each: for the tool that fits the
// simulator to them and for the test that holds it against them.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface RecordedStream {
  readonly file: string;
  readonly model: string;
  /** Whether it is the API's own bytes, to the last space of padding. */
  readonly isExact: boolean;
  /** Whether its deltas are those of api.anthropic.com, even where a recorder has changed the bytes around them. */
  readonly hasOwnDeltas: boolean;
  /** Milliseconds since 1970; NaN where the recorder kept no date. */
  readonly recordedAtMs: number;
  readonly events: readonly RecordedEvent[];
}

export interface RecordedEvent {
  /** The event's JSON as it stands there. */
  readonly json: string;
  readonly data: RecordedData;
}

/** As much of an event's type as is looked at. */
interface RecordedData {
  readonly type: string;
  readonly index?: number;
  readonly message?: object;
  readonly content_block?: { readonly type: string };
  readonly delta?: { readonly text?: string; readonly thinking?: string; readonly partial_json?: string };
}

/** One block's deltas that have text; the empty ones at the beginning and the end are left out. */
export interface RecordedBlock {
  readonly kind: 'text' | 'thinking' | 'json';
  readonly index: number;
  readonly pieces: readonly string[];
}

const kinds: Readonly<Record<string, RecordedBlock['kind']>> = {
  text: 'text',
  thinking: 'thinking',
  tool_use: 'json',
  server_tool_use: 'json',
  mcp_tool_use: 'json',
};

/** All recordings of real streams, from the folder that holds MANIFEST.tsv. */
export function readRecordedStreams(folder: string): readonly RecordedStream[] {
  const [header = '', ...lines] = readFileSync(join(folder, 'MANIFEST.tsv'), 'utf8').trimEnd().split('\n');
  const names = header.split('\t');
  return lines
    .map((line) => Object.fromEntries(line.split('\t').map((cell, column) => [names[column], cell])))
    .filter((row) => /^real(?!.*fragment)/.test(row['realness'] ?? ''))
    .map((row): RecordedStream => {
      const text = readFileSync(join(folder, 'recorded', row['file'] ?? ''), 'utf8');
      const recording = row['recording'] ?? '';
      return {
        file: row['file'] ?? '',
        model: row['model'] ?? '',
        isExact: recording.startsWith('raw') && Number(row['padded_events']) > 0,
        hasOwnDeltas: !recording.includes('AWS'),
        recordedAtMs: Date.parse(row['recorded_at'] ?? ''),
        events: readEvents(text),
      };
    });
}

export function readEvents(text: string): RecordedEvent[] {
  return text.split('\n\n').flatMap((frame) => {
    const json = /^(?:event: \w+\n)?data: (\{.*\})$/s.exec(frame)?.[1];
    return json === undefined ? [] : [{ json, data: JSON.parse(json) as RecordedData }];
  });
}

export function blocksOf(events: readonly RecordedEvent[]): readonly RecordedBlock[] {
  const starts = events.flatMap(({ data }) => (data.content_block === undefined ? [] : [data]));
  return starts.flatMap(({ index = 0, content_block: start }) => {
    const kind = kinds[start?.type ?? ''];
    const pieces = events
      .filter(({ data }) => data.type === 'content_block_delta' && data.index === index)
      .map(({ data: { delta } }) => delta?.text ?? delta?.thinking ?? delta?.partial_json ?? '')
      .filter((piece) => piece !== '');
    return kind === undefined || pieces.length === 0 ? [] : [{ kind, index, pieces }];
  });
}

/** The sizes of deltas as the simulator's profile has them, in the order they came. */
export interface DeltaSizes {
  /** Of text or thinking, the first delta of the answer: it comes when there is something, however little. */
  readonly first: readonly number[];
  readonly text: readonly number[];
  readonly thinking: readonly number[];
  readonly json: readonly number[];
}

export function deltaSizesOf(streams: readonly { readonly events: readonly RecordedEvent[] }[]): DeltaSizes {
  const sizes = {
    first: [] as number[],
    text: [] as number[],
    thinking: [] as number[],
    json: [] as number[],
  };
  for (const { kind, index, pieces } of streams.flatMap(({ events }) => blocksOf(events))) {
    const lengths = pieces.map(({ length }) => length);
    const isOpening = index === 0 && kind !== 'json';
    if (isOpening) sizes.first.push(lengths[0] ?? 0);
    sizes[kind].push(...lengths.slice(isOpening ? 1 : 0));
  }
  return sizes;
}
