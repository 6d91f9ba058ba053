// The log of `millrace serve`: JSON lines on stderr, by pino. Only what is named here is ever in it.

import { destination, pino } from 'pino';
import type { LogLine } from '../relay/index.ts';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'silent';

export const logLevels: readonly LogLevel[] = ['error', 'warn', 'info', 'debug', 'silent'];

export interface RelayLog {
  readonly onLog: (line: LogLine) => void;
  readonly onError: (error: unknown) => void;
  /** What an operator did, or should know: only names and values that may be seen. */
  readonly tell: (level: 'info' | 'error', what: string, fields: Readonly<Record<string, unknown>>) => void;
  readonly setLevel: (level: LogLevel) => void;
}

/** What is kept for a stderr that is read too slowly; then lines are lost rather than memory. */
const maxWaitingBytes = 1024 * 1024;

/** Where lines go. */
export interface LogOutput {
  write(line: string): void;
}

export function createRelayLog(level: LogLevel, output: LogOutput = openStderr()): RelayLog {
  const logger = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    output,
  );
  return {
    onLog: (line) => {
      const { type, ...fields } = line;
      logger[levelOf(line)](fields, type);
    },
    onError: (error) => logger.error({ error: fieldsOf(error) }, 'error'),
    tell: (level, what, fields) => logger[level](fields, what),
    setLevel: (level) => {
      logger.level = level;
    },
  };
}

function levelOf(line: LogLine): 'warn' | 'info' | 'debug' {
  if (line.type === 'break') return 'warn';
  return line.type === 'request' && probes.has(line.route) ? 'debug' : 'info';
}

function openStderr(): LogOutput {
  const stderr = destination({ fd: 2, sync: false, maxLength: maxWaitingBytes });
  // It is served on when nobody reads it.
  stderr.on('error', () => undefined);
  return stderr;
}

/** Asked every few seconds, by machines. */
const probes = new Set(['/healthz', '/metrics', '/readyz']);

interface ErrorFields {
  readonly name: string;
  readonly code?: string;
  readonly message: string;
  readonly cause?: ErrorFields;
}

/** A chain of causes that is longer says nothing more. */
const maxCauses = 4;

function fieldsOf(error: unknown, depth = 0): ErrorFields {
  if (!(error instanceof Error)) return { name: typeof error, message: withoutSecrets(String(error)) };
  const { name, message, cause } = error;
  const { code } = error as { code?: unknown };
  return {
    name,
    ...(typeof code === 'string' ? { code } : {}),
    message: withoutSecrets(message),
    ...(cause === undefined || depth === maxCauses ? {} : { cause: fieldsOf(cause, depth + 1) }),
  };
}

/** An error may quote what it was about: an address with its query, a header, a piece of JSON. */
function withoutSecrets(message: string): string {
  return message
    .replaceAll(/\?[^\s"']*/g, '?…')
    .replaceAll(/"(?:[^"\\]|\\.)*"/g, '"…"')
    .replaceAll(/\b(?:sk-[\w-]{4,}|Bearer\s+\S+)/gi, '…')
    .slice(0, 500);
}
