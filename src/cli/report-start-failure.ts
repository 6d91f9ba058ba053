// Why a command could not start, in one line.

import { note } from './note.ts';

/** Writes the reason to stderr and returns the exit code. */
export function reportStartFailure(error: unknown, command: string): number {
  note(`millrace ${command}: ${reasonOf(error)}`);
  return 1;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, port } = error as Error & { code?: unknown; port?: unknown };
  if (code === 'EADDRINUSE')
    return `port ${String(port)} is in use; choose another with --port, or 0 for any free one`;
  if (code === 'EACCES') return `port ${String(port)} may not be used; choose one from 1024 on with --port`;
  return error.message;
}
