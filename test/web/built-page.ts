// What vite makes of the page, in memory, and a server that hands it out.

import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Asset } from 'millrace/relay';
import { build } from 'vite';
import type { Rolldown } from 'vite';

/** Built files by their path below the root. */
export type BuiltFiles = ReadonlyMap<string, string | Uint8Array>;

/** The policy the relay sends with the page. */
export const contentSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'self'; frame-ancestors 'none'; " +
  "require-trusted-types-for 'script'; trusted-types dompurify";

const fromHere = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The chat page, as `npm run build` makes it. */
export async function buildChatPage(): Promise<BuiltFiles> {
  const result = await build({
    configFile: fromHere('../../src/web/vite.config.ts'),
    logLevel: 'error',
    build: { write: false },
  });
  return filesOf(result as Rolldown.RolldownOutput);
}

/** A page around one script of the tests. */
export async function buildTestPage(script: string): Promise<BuiltFiles> {
  const result = await build({
    configFile: false,
    root: fromHere('.'),
    logLevel: 'error',
    build: {
      write: false,
      modulePreload: false,
      rolldownOptions: { input: fromHere(script), output: { entryFileNames: 'script.js' } },
    },
  });
  const page =
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Test</title><link rel="icon" href="data:,">' +
    '<script type="module" src="/script.js"></script><body></body></html>';
  return new Map([...filesOf(result as Rolldown.RolldownOutput), ['index.html', page]]);
}

function filesOf({ output }: Rolldown.RolldownOutput): BuiltFiles {
  return new Map(output.map((file) => [file.fileName, file.type === 'chunk' ? file.code : file.source]));
}

const contentTypes: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

/** The files as a relay serves them. */
export function toAssets(files: BuiltFiles): ReadonlyMap<string, Asset> {
  const assets = [...files].map(([path, content]): [string, Asset] => [
    `/${path}`,
    { contentType: contentTypeOf(path), body: Buffer.from(content) },
  ]);
  return new Map(assets);
}

function contentTypeOf(path: string): string {
  return contentTypes[path.split('.').at(-1) ?? ''] ?? 'text/plain';
}

/** Answers a request that is for none of the files. */
export type Fallback = (request: IncomingMessage, response: ServerResponse) => void;

export interface PageServer {
  readonly origin: string;
  close(): Promise<void>;
}

/** Serves the files on a free port of the loopback address. */
export async function servePage(
  files: BuiltFiles,
  options: { policy?: string; fallback?: Fallback } = {},
): Promise<PageServer> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').slice(1) || 'index.html';
    const file = files.get(path);
    if (file === undefined) return (options.fallback ?? notFound)(request, response);
    response.setHeader('content-type', contentTypeOf(path));
    if (options.policy !== undefined) response.setHeader('content-security-policy', options.policy);
    response.end(file);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, close: () => close(server) };
}

function notFound(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(404).end();
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}
