// A recorded exchange as its `.json` file holds it. docs/recordings.md describes it for people.

/** Version of the format; a recording says it in its first field. */
export const recordingVersion = 1;

export interface Recording {
  readonly millraceRecording: typeof recordingVersion;
  /** When the request came, as ISO 8601. */
  readonly recordedAt: string;
  /** Where it was passed on to: scheme, host and port. */
  readonly upstream: string;
  readonly request: RecordedAsk;
  /** Null when none had come. */
  readonly response: RecordedReply | null;
  readonly ended: Ended;
}

export type RecordedAsk = {
  readonly method: string;
  /** With those parameters of its query that are kept. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
} & KeptBody;

/** A request's body without secrets. It is omitted when it is too large, too deep, compressed, or not whole. */
export type KeptBody =
  | { readonly bodyType: 'json'; readonly body: unknown }
  | { readonly bodyType: 'text' | 'base64'; readonly body: string }
  | { readonly bodyType: 'none' | 'omitted' };

export interface ReplyHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** When the head came, in milliseconds since the request had arrived, as all times here. */
  readonly headMs: number;
  /** The file beside this one that holds the body, without its content encoding. */
  readonly bodyFile: string;
}

export interface RecordedReply extends ReplyHead {
  /** When each piece of the body came, and its length in bytes. Undefined when somebody took the times out. */
  readonly chunks: readonly Chunk[] | undefined;
}

export type Chunk = readonly [ms: number, byteCount: number];

/** How the exchange ended. */
export type Ended =
  | { readonly how: 'complete'; readonly ms: number }
  /** The upstream's connection broke off in the middle of the body. */
  | { readonly how: 'cut'; readonly by: 'fin' | 'rst'; readonly ms: number }
  /** The client closed its connection first. */
  | { readonly how: 'reader_left'; readonly ms: number }
  /** No answer came; the recorder gave its own 502. */
  | { readonly how: 'unreachable'; readonly code: string; readonly ms: number }
  /** The recorder was ended, or could not write on: what came later is not known. */
  | { readonly how: 'unknown' };

/** The one part of a file's name that tells a recording from the body of an answer that is JSON. */
export const bodySuffix = '.body.json';
