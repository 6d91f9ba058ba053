// The built page, read once into memory: it is small, and no path of a request ever reaches the file system.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Asset } from '../relay/index.ts';

const contentTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** The same folder from `src/cli` in the repository and from `dist/cli` in the package. */
const folder = fileURLToPath(new URL('../../dist/web/', import.meta.url));

/** Every file of the page by its path. Throws when the page was not built. */
export function loadAssets(): ReadonlyMap<string, Asset> {
  if (!existsSync(`${folder}index.html`)) throw new Error('the page is not built: run npm run build');
  const assets = new Map<string, Asset>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = `${entry.parentPath.replace(/\/?$/, '/')}${entry.name}`;
    const contentType = contentTypes[extname(file)] ?? 'application/octet-stream';
    assets.set(`/${file.slice(folder.length)}`, { contentType, body: readFileSync(file) });
  }
  return assets;
}
