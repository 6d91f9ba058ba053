// Which layer may import which, and what each may take from outside (ARCHITECTURE.md draws the arrows).
// The compiler proves most of it by its project references; this says in words what is wrong and what to do.

import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { findImports } from './imports.ts';

export interface Violation {
  /** `src/client/x.ts:3` */
  readonly place: string;
  /** What is imported there, as it is written. */
  readonly imported: string;
  readonly reason: string;
  readonly remedy: string;
}

type Fault = Pick<Violation, 'reason' | 'remedy'>;

interface Rule {
  readonly layers: readonly string[];
  readonly packages: readonly string[];
  readonly node: boolean;
}

const portable = { packages: [], node: false };
const nodeStorage = { layers: ['protocol'], packages: [], node: true };
const relayLayers = ['client', 'storage', 'protocol'];
const webPackages = ['preact', '@preact/signals', 'marked', 'dompurify', 'remend'];

/** What a layer may import. The row of a single file, by its path, goes before that of its layer. */
const rules: Readonly<Record<string, Rule>> = {
  protocol: { ...portable, layers: [] },
  client: { ...portable, layers: ['protocol'] },
  'client/node.ts': { layers: ['protocol'], packages: [], node: true },
  'client/otel.ts': { layers: ['protocol'], packages: ['@opentelemetry/api'], node: false },
  storage: { ...portable, layers: ['protocol'] },
  'storage/sqlite.ts': nodeStorage,
  'storage/sqlite-stream-log.ts': nodeStorage,
  'storage/sqlite-streams.ts': nodeStorage,
  'storage/sqlite-conversations.ts': nodeStorage,
  'storage/sqlite-entries.ts': nodeStorage,
  'storage/sqlite-quotas.ts': nodeStorage,
  'storage/open-sqlite-file.ts': nodeStorage,
  'storage/turn-commit.ts': nodeStorage,
  document: { layers: [], packages: ['yaml'], node: true },
  simulator: { layers: ['protocol', 'document'], packages: [], node: true },
  relay: { ...portable, layers: relayLayers },
  'relay/otel.ts': { layers: relayLayers, packages: ['@opentelemetry/api'], node: false },
  'relay/node.ts': { layers: relayLayers, packages: [], node: true },
  'relay/node-response.ts': { layers: [], packages: [], node: true },
  web: { layers: ['client', 'protocol'], packages: webPackages, node: false },
  'web/vite.config.ts': { layers: [], packages: ['vite'], node: true },
  cli: {
    layers: ['relay', 'simulator', 'client', 'storage', 'document', 'protocol'],
    packages: ['commander', 'pino', 'yaml'],
    node: true,
  },
};

/** The modules of a layer that the others may import. */
const doors: Readonly<Record<string, readonly string[]>> = {
  client: ['index.ts', 'answer-client.ts', 'node.ts', 'otel.ts', 'engine.ts'],
  relay: ['index.ts', 'node.ts', 'otel.ts'],
  storage: ['index.ts', 'sqlite.ts'],
};
const usualDoors = ['index.ts'];

/** Every import that breaks a rule. The files are given by their path from the repository's root. */
export function findViolations(files: ReadonlyMap<string, string>): readonly Violation[] {
  const violations: Violation[] = [];
  for (const [file, text] of files) {
    for (const { specifier, line } of findImports(file, text)) {
      const fault = specifier === undefined ? unreadable : findFault(file, specifier);
      if (fault !== undefined) {
        violations.push({ place: `${file}:${line}`, imported: specifier ?? 'a computed path', ...fault });
      }
    }
  }
  return violations;
}

const unreadable: Fault = {
  reason: 'nobody can tell before it runs what that is',
  remedy: 'write the path as a plain string',
};

function findFault(file: string, specifier: string): Fault | undefined {
  const [layer, path] = splitPath(file);
  const rule = rules[`${layer}/${path}`] ?? rules[layer];
  if (rule === undefined) {
    return {
      reason: `${file} is in no layer`,
      remedy: 'move the file, or add a row to scripts/layer-rules.ts',
    };
  }
  if (specifier.startsWith('.')) return faultOfPath(file, specifier, rule);
  return isBuiltin(specifier) ? faultOfNode(layer, rule) : faultOfPackage(layer, specifier, rule);
}

function faultOfPath(file: string, specifier: string, rule: Rule): Fault | undefined {
  const [layer] = splitPath(file);
  const target = posix.join(posix.dirname(file), specifier);
  const [targetLayer, targetPath] = splitPath(target);
  if (targetLayer === layer) return rule.node ? undefined : faultWithin(layer, targetPath);
  if (!rule.layers.includes(targetLayer)) {
    return {
      reason: `${layer} may import ${listOf(rule.layers)}, not ${target}`,
      remedy: 'move the code down to where both may use it, or hand it in as an argument',
    };
  }
  const open = doors[targetLayer] ?? usualDoors;
  if (open.includes(targetPath)) return undefined;
  const remedy = `export what is needed from src/${targetLayer}/index.ts and import that`;
  return { reason: `the door of ${targetLayer} is ${open.join(' or ')}`, remedy };
}

/** Within a layer all is open but the Node part of a portable one, which would come along wherever it is imported. */
function faultWithin(layer: string, path: string): Fault | undefined {
  if (rules[`${layer}/${path}`]?.node !== true || rules[layer]?.node === true) return undefined;
  const reason = `${layer} runs without Node, and ${path} does not`;
  return { reason, remedy: `turn the arrow around: let ${path} import this` };
}

function faultOfNode(layer: string, rule: Rule): Fault | undefined {
  if (rule.node) return undefined;
  const reason = `${layer} runs in every JavaScript runtime, so it imports nothing of Node`;
  return { reason, remedy: 'take what is needed as an argument, and let the command line hand it in' };
}

function faultOfPackage(layer: string, specifier: string, rule: Rule): Fault | undefined {
  if (rule.packages.some((name) => specifier === name || specifier.startsWith(`${name}/`))) return undefined;
  if (/^millrace(\/|$)/.test(specifier)) {
    return { reason: 'the doors by name are for users and tests', remedy: 'import the relative path' };
  }
  const reason = `${layer} may import ${listOf(rule.packages)} from npm`;
  return { reason, remedy: 'do without, or add the package to its row in scripts/layer-rules.ts' };
}

/** `src/client/a/b.ts` as `['client', 'a/b.ts']`; what is not below src has itself as its layer. */
function splitPath(file: string): readonly [layer: string, path: string] {
  const [, layer, path] = /^src\/([^/]+)\/(.+)$/.exec(file) ?? [];
  return layer === undefined || path === undefined ? [file, ''] : [layer, path];
}

function listOf(names: readonly string[]): string {
  return names.length === 0 ? 'nothing' : `only ${names.join(', ')}`;
}
