// Checks every module below src against scripts/layer-rules.ts.

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findViolations } from './layer-rules.ts';
import { repositoryRoot } from './run-command.ts';

const paths = globSync('src/**/*.{ts,tsx}', { cwd: repositoryRoot }).toSorted();
const files = new Map(paths.map((path) => [path, readFileSync(join(repositoryRoot, path), 'utf8')]));
const violations = findViolations(files);
for (const { place, imported, reason, remedy } of violations) {
  console.error(`${place} imports ${imported}: ${reason}.\n  ${remedy}`);
}
console.log(`${files.size} files read, ${violations.length} imports not allowed`);
// A check that read nothing proves nothing.
process.exitCode = violations.length === 0 && files.size > 0 ? 0 : 1;
