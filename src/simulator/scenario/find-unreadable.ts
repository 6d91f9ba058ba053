// The recordings that a scenario names and that cannot be read. Whatever else is wrong with the scenario is passed
// over.

import { accessSync, constants, statSync } from 'node:fs';
import { resolve } from 'node:path';

import type { Path, Problem } from '../../document/index.ts';
import { isObject } from '../validate-value.ts';

/** Paths that are relative are so to `folder`. */
export function findUnreadable(scenario: unknown, folder: string): Problem[] {
  return [...filesIn(scenario)].flatMap(({ path, file }) => {
    const message = complaintAbout(resolve(folder, file));
    return message === undefined ? [] : [{ path, message }];
  });
}

interface NamedFile {
  readonly path: Path;
  readonly file: string;
}

function* filesIn(scenario: unknown): Generator<NamedFile> {
  for (const [index, rule] of listIn(scenario, 'rules').entries()) {
    if (!isObject(rule)) continue;
    const path = ['rules', index];
    yield* fileOf(rule['reply'], [...path, 'reply']);
    for (const [place, reply] of listIn(rule, 'replies').entries()) {
      yield* fileOf(reply, [...path, 'replies', place]);
    }
  }
}

function listIn(value: unknown, name: string): readonly unknown[] {
  const list = isObject(value) ? value[name] : undefined;
  return Array.isArray(list) ? list : [];
}

function* fileOf(reply: unknown, path: Path): Generator<NamedFile> {
  const file = isObject(reply) ? reply['recording'] : undefined;
  if (typeof file === 'string') yield { path: [...path, 'recording'], file };
}

function complaintAbout(file: string): string | undefined {
  try {
    accessSync(file, constants.R_OK);
    return statSync(file).isFile() ? undefined : `${file} is no file`;
  } catch (error) {
    return (error as Error).message;
  }
}
