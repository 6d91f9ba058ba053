// npm runs this at the end of `npm ci` and `npm install`, and before it packs. Without the development dependencies
// (`npm ci --omit=dev`) there is no compiler and perhaps only an old Node, so this file is plain JavaScript:
// it says in one line what is missing, and builds when nothing is.

import { existsSync } from 'node:fs';

const at = (path) => new URL(`../${path}`, import.meta.url);

function findObstacle() {
  const missing = ['typescript', 'vite'].filter(
    (name) => !existsSync(at(`node_modules/${name}/package.json`)),
  );
  if (missing.length > 0) return `the development dependencies are not installed (${missing.join(', ')})`;
  const version = process.versions.node;
  return parseInt(version, 10) < 24 ? `this is Node ${version}, and Node 24 or newer is needed` : undefined;
}

const obstacle = findObstacle();
if (obstacle === undefined) {
  await import('./build.ts');
} else if (existsSync(at('dist/cli/main.js'))) {
  process.stdout.write(`millrace is not built again: ${obstacle}; dist stays as it is\n`);
} else {
  process.stderr.write(`millrace cannot be built: ${obstacle}; run \`npm ci\` with them, on Node 24\n`);
  process.exitCode = 1;
}
