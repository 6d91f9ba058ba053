#!/usr/bin/env node
// Starts the command line: `src` in a clone, `dist` where the package is installed. The program runs in this
// very process, so signals reach it. Written in the JavaScript of 2018, so that an old Node parses this file and says
// which version is wanted; the program is imported only after that check.

// Without `node:`, which the oldest of those versions do not know.
import { existsSync } from 'fs';

const wantedMajor = 24;

const tooOld = (version) =>
  `this is Node ${version}, and Node ${wantedMajor} or newer is needed: install it from https://nodejs.org, ` +
  'or in a clone of the repository run `npm run millrace -- …`, which brings its own';

const notBuilt =
  'dist/cli/main.js is missing: run `npm run build` in a clone of the repository, or install the package again';

function findProgram() {
  const source = new URL('../src/cli/main.ts', import.meta.url);
  const built = new URL('../dist/cli/main.js', import.meta.url);
  // Node does not strip types from files below a node_modules folder.
  const isInstalled = source.pathname.split('/').includes('node_modules');
  if (!isInstalled && existsSync(source)) return source;
  return existsSync(built) ? built : undefined;
}

function fail(message) {
  process.stderr.write(`millrace: ${message}\n`);
  process.exitCode = 1;
}

async function start() {
  const version = process.versions.node;
  if (parseInt(version, 10) < wantedMajor) return fail(tooOld(version));
  const program = findProgram();
  if (program === undefined) return fail(notBuilt);
  const { main } = await import(program.href);
  process.exitCode = await main(process.argv.slice(2));
}

void start();
