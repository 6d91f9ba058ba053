// The configuration out of its sources. What is nearer to who starts the relay counts: a flag goes before a variable,
// a variable before the file, the file before the default.

import { readFile } from 'node:fs/promises';
import {
  closestName,
  isObject,
  objectOf,
  orNull,
  parseDocument,
  problemsOf,
  problemText,
} from '../../document/index.ts';
import type { Fields, Path, Shape } from '../../document/index.ts';
import { ConfigError } from './config-error.ts';
import { serveSettings, settingNames, settingOf, variablesOf } from './serve-settings.ts';
import type { Config, SettingName } from './config.ts';
import { problemOfAccess } from './problem-of-access.ts';
import type { AccessProblem } from './problem-of-access.ts';
import { withSecrets } from './relay-keys.ts';
import type { SecretPlace } from './relay-keys.ts';
import { unquoted, valueAt } from './setting.ts';

export interface ConfigSources {
  /** The path of a file in YAML or JSON. */
  readonly file?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What flags say. */
  readonly flags: ReadonlyMap<SettingName, unknown>;
  /** Of `--set`: `limits.maxReaders=100`. */
  readonly assignments: readonly string[];
}

export interface LoadedConfig {
  readonly values: Config;
  /** Where each value is from, for a person. */
  readonly sources: Readonly<Record<SettingName, string>>;
  /** Which say something of it: what a reload reads again. */
  readonly files: readonly string[];
}

/** Undefined for a file that cannot be read, which is a problem told already; `setting` is where its name stands. */
type ReadText = (file: string, setting?: string) => Promise<string | undefined>;

/** A value and where it is from; what is later in the list of sources counts less. */
interface Found {
  readonly value: unknown;
  readonly source: string;
  readonly rank: number;
  /** Of what is within the value, in a file. */
  readonly placeOf?: (path: Path) => string;
}

/** What a source says, by setting. */
type Findings = Map<SettingName, Found>;

/** Rejects with a ConfigError that names everything that is wrong. */
export async function readConfig(sources: ConfigSources): Promise<LoadedConfig> {
  const problems: string[] = [];
  const files: string[] = [];
  const read: ReadText = (file, setting) => {
    files.push(file);
    return readText(file, (problem) =>
      problems.push(setting === undefined ? problem : `${setting}: ${problem}`),
    );
  };
  const findings: readonly Findings[] = [
    ofFlags(sources.flags, problems),
    ofAssignments(sources.assignments, problems),
    ofEnvironment(sources.environment, problems),
    sources.file === undefined ? new Map() : await ofFile(sources.file, read, problems),
  ];
  const config = new Map(settingNames.map((name) => [name, firstOf(name, findings)]));
  await takeKeyFile(config, read, problems);
  await takeSecrets(config, { environment: sources.environment, read, problems });
  // What is missing already would be found missing again.
  const wrong = problems.length === 0 ? problemOfAccess(valuesOf(config)) : undefined;
  if (wrong !== undefined) problems.push(told(wrong, config));
  if (problems.length > 0) throw new ConfigError(problems);
  const entries = [...config];
  return {
    values: valuesOf(config),
    sources: Object.fromEntries(entries.map(([name, { source }]) => [name, source])) as Record<
      SettingName,
      string
    >,
    files,
  };
}

/** Variables that are named like settings and are none, most likely misspelt. */
export function misspeltVariables(environment: ConfigSources['environment']): string[] {
  const known = new Set(settingNames.flatMap(variablesOf));
  const shortNames = [...known].flatMap((name) => /^MILLRACE_(.+)$/.exec(name)?.[1] ?? []);
  return Object.keys(environment).flatMap((name) => {
    const [, short] = /^MILLRACE_(.+)$/.exec(name) ?? [];
    const closest = short === undefined || known.has(name) ? undefined : closestName(short, shortNames);
    return closest === undefined ? [] : [`${name} is no setting; did you mean MILLRACE_${closest}?`];
  });
}

const rankOfDefault = 4;

function firstOf(name: SettingName, findings: readonly Findings[]): Found {
  const found = findings.map((each) => each.get(name)).find((each) => each !== undefined);
  return found ?? { value: serveSettings[name].default, source: 'default', rank: rankOfDefault };
}

function ofFlags(flags: ConfigSources['flags'], problems: string[]): Findings {
  const found: Findings = new Map();
  for (const [name, value] of flags) {
    const [flag = ''] = /--[\w-]+/.exec(settingOf(name).flag ?? '') ?? [];
    take(name, { value, source: `flag ${flag}`, rank: 0 }, { found, problems });
  }
  return found;
}

function ofAssignments(assignments: readonly string[], problems: string[]): Findings {
  const found: Findings = new Map();
  for (const assignment of assignments) {
    const [, name = '', text] = /^([^=]*)=(.*)$/s.exec(assignment) ?? [undefined, assignment];
    const known = settingNames.find((each) => each === name.trim());
    if (known === undefined || text === undefined) {
      problems.push(`--set ${complaintAboutName(name.trim(), text)}`);
      continue;
    }
    const source = `--set ${known}`;
    if (settingOf(known).isSecret === true) {
      problems.push(
        `${source}: every user of the machine sees flags; use ${variablesOf(known).join(' or ')}`,
      );
      continue;
    }
    takeText(known, { text, source, rank: 1 }, { found, problems });
  }
  return found;
}

function complaintAboutName(name: string, text: string | undefined): string {
  if (text === undefined) return `${name}: wanted: a setting and its value, as limits.maxReaders=100`;
  const closest = closestName(name, settingNames);
  return `${name}: no such setting${closest === undefined ? '' : `; did you mean ${closest}?`}`;
}

/** A variable that is empty counts as not there. */
function ofEnvironment(environment: ConfigSources['environment'], problems: string[]): Findings {
  const found: Findings = new Map();
  for (const name of settingNames) {
    const variable = variablesOf(name).find((each) => (environment[each] ?? '') !== '');
    const text = variable === undefined ? undefined : environment[variable];
    if (variable !== undefined && text !== undefined)
      takeText(name, { text, source: variable, rank: 2 }, { found, problems });
  }
  return found;
}

interface Taking {
  readonly found: Findings;
  readonly problems: string[];
}

function takeText(
  name: SettingName,
  { text, source, rank }: { text: string; source: string; rank: number },
  taking: Taking,
): void {
  take(name, { value: settingOf(name).type.fromText(text), source, rank }, taking);
}

function take(name: SettingName, found: Found, taking: Taking): void {
  const wrong = problemsOf(found.value, settingOf(name).type.shape);
  taking.problems.push(...wrong.map((problem) => `${found.source}: ${problemText(problem)}`));
  if (wrong.length === 0) taking.found.set(name, found);
}

async function ofFile(file: string, read: ReadText, problems: string[]): Promise<Findings> {
  const text = await read(file);
  if (text === undefined) return new Map();
  const { value, faults, placeOf } = await parseDocument(text, file);
  const wrong = faults.length > 0 || value == null ? [] : problemsOf(value, fileShape);
  problems.push(...faults, ...wrong.map((problem) => `${placeOf(problem.path)} ${problemText(problem)}`));
  if (faults.length + wrong.length > 0) return new Map();
  // What is null counts as left out.
  const given = settingNames.filter((name) => valueAt(value, name) != null);
  return new Map(
    given.map((name): [SettingName, Found] => [
      name,
      { value: valueAt(value, name), source: placeOf(name.split('.')), rank: 3, placeOf },
    ]),
  );
}

async function readText(file: string, report: (problem: string) => void): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    report(`Cannot read ${file}: ${(error as Error).message}`);
    return undefined;
  }
}

/** Takes the key out of its file; where a key is named as well, the nearer of the two counts. */
async function takeKeyFile(config: Configured, read: ReadText, problems: string[]): Promise<void> {
  const file = config.get('upstream.keyFile');
  const key = config.get('upstream.key');
  if (typeof file?.value !== 'string' || key === undefined || key.rank < file.rank) return;
  if (key.rank === file.rank) {
    problems.push(`${file.source}: only one of upstream.key and upstream.keyFile can be given`);
    return;
  }
  const text = await read(file.value, placed(file, 'upstream.keyFile'));
  if (text === undefined) return;
  const value = text.trim();
  const wrong = problemsOf(value, settingOf('upstream.key').type.shape);
  problems.push(...wrong.map((problem) => `${file.value as string}: ${problemText(problem)}`));
  config.set('upstream.key', { value, source: file.value, rank: file.rank });
}

type Configured = Map<SettingName, Found>;

/** Each has been through the shape of its setting. */
function valuesOf(config: Configured): Config {
  return Object.fromEntries([...config].map(([name, { value }]) => [name, value])) as unknown as Config;
}

/** Puts the secrets of keys in their place. */
async function takeSecrets(
  config: Configured,
  {
    environment,
    read,
    problems,
  }: Pick<ConfigSources, 'environment'> & { read: ReadText; problems: string[] },
): Promise<void> {
  const secretsOf = (found: Found, list: string, entries: readonly SecretPlace[]) =>
    withSecrets(entries, {
      environment,
      readText: (index, file) => read(file, placed(found, `${list}[${index}].secretFile`)),
      report: (index, problem) => {
        problems.push(`${placed(found, `${list}[${index}]`)}: ${problem}`);
      },
    });
  const keys = config.get('access.keys');
  if (keys?.value !== undefined) {
    const value = await secretsOf(keys, 'access.keys', keys.value as readonly SecretPlace[]);
    config.set('access.keys', { ...keys, value });
  }
  const tokens = config.get('access.tokens');
  if (tokens?.value === undefined) return;
  const rules = tokens.value as { readonly keys: readonly SecretPlace[] };
  const signers = await secretsOf(tokens, 'access.tokens.keys', rules.keys);
  config.set('access.tokens', { ...tokens, value: { ...rules, keys: signers } });
}

/** What the relay would not begin with. */
function told({ field, reason }: AccessProblem, config: Configured): string {
  const name = settingNames.find(
    (each) => field === each || (/^[[.]/.test(field.slice(each.length)) && field.startsWith(each)),
  );
  const found = name && config.get(name);
  const isSaid = found !== undefined && found.rank < rankOfDefault;
  return `${isSaid ? placed(found, field) : field}: ${reason}`;
}

/** A field with where it stands. */
function placed(found: Found, field: string): string {
  return `${placeWithin(found, field)} ${field}`;
}

/** Where `access.keys[0].secret` stands. */
function placeWithin({ source, placeOf }: Found, field: string): string {
  const path = field.split(/[.[\]]+/).filter((key) => key !== '');
  return placeOf?.(path.map((key) => (/^\d+$/.test(key) ? Number(key) : key))) ?? `${source}:`;
}

/** The whole file, as the names of the settings draw it. */
const fileShape = shapeOfTree(treeOf(settingNames));

interface Tree {
  readonly [key: string]: Tree | SettingName;
}

function treeOf(names: readonly SettingName[]): Tree {
  const root: Record<string, Tree | SettingName> = {};
  for (const name of names) {
    const keys = name.split('.');
    const last = keys.pop() ?? name;
    let part = root;
    for (const key of keys) part = (part[key] ??= {}) as Record<string, Tree | SettingName>;
    part[last] = name;
  }
  return root;
}

function shapeOfTree(tree: Tree): Shape {
  const fields: Fields = Object.fromEntries(
    Object.entries(tree).map(([key, part]) => [
      key,
      orNull(typeof part === 'string' ? settingOf(part).type.shape : shapeOfTree(part)),
    ]),
  );
  const shape = objectOf(fields);
  return holdsSecret(tree)
    ? unquoted(isObject, `an object with ${Object.keys(fields).join(', ')}`, shape)
    : shape;
}

function holdsSecret(tree: Tree): boolean {
  return Object.values(tree).some((part) =>
    typeof part === 'string' ? settingOf(part).isSecret === true : holdsSecret(part),
  );
}
