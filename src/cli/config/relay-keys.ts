// The secrets of keys, which may stand elsewhere than the keys do.

/** Where a configuration says that the secret of a key is: with one of the three, or none for a key without. */
export interface SecretPlace {
  readonly secret?: string;
  readonly secretFile?: string;
  readonly secretVariable?: string;
}

export interface SecretPlaces {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Undefined for a file that cannot be read, which is told already. */
  readonly readText: (index: number, file: string) => Promise<string | undefined>;
  /** Told of a secret that is not there. */
  readonly report: (index: number, problem: string) => void;
}

/** The keys whose secrets were found. */
export async function withSecrets(
  entries: readonly SecretPlace[],
  places: SecretPlaces,
): Promise<readonly object[]> {
  const keys: object[] = [];
  for (const [index, { secretFile, secretVariable, ...entry }] of entries.entries()) {
    if (secretFile === undefined && secretVariable === undefined) {
      keys.push(entry);
      continue;
    }
    const secret = await find({ secretFile, secretVariable, index }, places);
    if (secret !== undefined) keys.push({ ...entry, secret });
  }
  return keys;
}

interface Elsewhere {
  readonly secretFile: string | undefined;
  readonly secretVariable: string | undefined;
  readonly index: number;
}

async function find(
  { secretFile, secretVariable, index }: Elsewhere,
  { environment, readText, report }: SecretPlaces,
): Promise<string | undefined> {
  if (secretFile !== undefined) return (await readText(index, secretFile))?.trim();
  const secret = environment[secretVariable ?? ''];
  if (secret === undefined) report(index, `the variable ${nameShown(secretVariable)} is not there`);
  return secret;
}

/** What is no usual name may be the secret itself. */
function nameShown(name = ''): string {
  return /^[A-Z][A-Z0-9_]*$/.test(name) ? name : 'of secretVariable';
}
