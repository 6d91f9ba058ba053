// A document in YAML, or in JSON, which is YAML as well, with the place of each of its values. The parser is loaded
// only when there is one.

import type { Path } from './problem.ts';

export interface ParsedDocument {
  /** Undefined when there are faults. */
  readonly value: unknown;
  /** What is no YAML, each with its place. */
  readonly faults: readonly string[];
  /** `name:line:column` of a value, or of the nearest one around it. */
  readonly placeOf: (path: Path) => string;
}

/** `name` is what the text is called in places. */
export async function parseDocument(text: string, name: string): Promise<ParsedDocument> {
  const { LineCounter, isNode, parseDocument: parseYaml } = await import('yaml');
  const lineCounter = new LineCounter();
  const toPlace = (offset: number): string => {
    const { line, col } = lineCounter.linePos(offset);
    return `${name}:${line}:${col}`;
  };
  const document = parseYaml(text, { lineCounter, prettyErrors: false });
  const offsetOf = (path: Path): number => {
    const node = document.getIn(path, true);
    if (isNode(node) && node.range != null) return node.range[0];
    return path.length === 0 ? 0 : offsetOf(path.slice(0, -1));
  };
  const placeOf = (path: Path): string => toPlace(offsetOf(path));
  const faults = [...document.errors, ...document.warnings].map(
    ({ message, pos }) => `${toPlace(pos[0])} ${message}`,
  );
  if (faults.length > 0) return { value: undefined, faults, placeOf };
  try {
    return { value: document.toJS(), faults, placeOf };
  } catch (error) {
    // Aliases that would grow without end.
    return { value: undefined, faults: [(error as Error).message], placeOf };
  }
}
