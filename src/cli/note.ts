// Lines on stderr. Much of what they quote comes from somewhere else.

import { styleText } from 'node:util';
import { withoutControls } from './terminal-text.ts';

/** Writes one line to stderr, without what could drive a terminal. */
export function note(text: string, style?: 'dim'): void {
  const shown = withoutControls(text);
  const styled = style === undefined ? shown : styleText(style, shown, { stream: process.stderr });
  process.stderr.write(`${styled}\n`);
}

/** Lets a program go on whose stdout or stderr nobody reads any more: a server serves without a terminal, too. */
export function ignoreClosedOutput(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
}
