// What happens on a connection while an answer is sent, in order. Made one by one as they are taken.

export type Step = Frame | Silence | Close;

export interface Frame {
  readonly type: 'frame';
  readonly bytes: Uint8Array;
  /** The time since the frame before it. */
  readonly gapMs: number;
  /** How many events end with it; 1 unless said otherwise. */
  readonly eventCount?: number;
  /** Others get a turn before the next frame, so that a reader can see this one for itself. */
  readonly isAlone?: boolean;
}

export interface Silence {
  readonly type: 'silence';
  /** Infinity: until the reader leaves. */
  readonly durationMs: number;
  /** The time between pings; Infinity for none. */
  readonly pingMs: number;
}

/** Ends the answer before its end: properly, or by breaking off the connection when the reader has every byte. */
export type Close =
  | { readonly type: 'close'; readonly by: 'end' }
  | { readonly type: 'close'; readonly by: 'fin' | 'rst'; readonly lingerMs: number };

export function toFrameStep(content: string | Uint8Array, gapMs = 0): Frame {
  return { type: 'frame', bytes: typeof content === 'string' ? Buffer.from(content) : content, gapMs };
}
