// A recording cut into its events, byte for byte.

const lineFeed = 10;
const carriageReturn = 13;

/** The bytes of each event with the blank line that ends it; then what is left behind the last one, if anything. */
export function* splitRecording(recording: Uint8Array): Generator<Uint8Array> {
  let start = 0;
  for (let end = eventEnd(recording, 0); end !== undefined; end = eventEnd(recording, start)) {
    yield recording.subarray(start, end);
    start = end;
  }
  if (start < recording.length) yield recording.subarray(start);
}

/** The position behind the first blank line, whose line ends may be LF or CRLF. */
function eventEnd(recording: Uint8Array, start: number): number | undefined {
  for (let position = recording.indexOf(lineFeed, start); position >= 0;) {
    const next = recording[position + 1] === carriageReturn ? position + 2 : position + 1;
    if (recording[next] === lineFeed) return next + 1;
    position = recording.indexOf(lineFeed, position + 1);
  }
  return undefined;
}

/** The type an event names in its first line; empty when it names none. */
export function recordedType(frame: Uint8Array): string {
  const firstLine = Buffer.from(frame.subarray(0, 64)).toString('latin1');
  return /^event: ?(\w+)/.exec(firstLine)?.[1] ?? '';
}
