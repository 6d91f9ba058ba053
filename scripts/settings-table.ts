// Writes the table of settings into docs/configuration.md, from the one table that the program reads.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { settingNames, settingOf, variablesOf } from '../src/cli/config/serve-settings.ts';
import type { SettingName } from '../src/cli/config/config.ts';
import { repositoryRoot } from './run-command.ts';

const begin = '<!-- settings -->\n\n';
const end = '\n<!-- end of settings -->';

/** The page with its table as the settings are now. Throws when the page has no place for it. */
export function withSettingsTable(page: string): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`The page has no ${begin.trim()} … ${end.trim()}`);
  return page.slice(0, from + begin.length) + settingsTable() + page.slice(to);
}

function settingsTable(): string {
  const rows = [['setting', 'flag', 'wanted', 'default', 'what'], ...settingNames.map(rowOf)];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |\n`;
  const rule = line(widths.map((width) => '-'.repeat(width)));
  const [head = [], ...body] = rows;
  return line(head) + rule + body.map(line).join('');
}

function rowOf(name: SettingName): string[] {
  const { flag, description, type, default: usual, isReloadable } = settingOf(name);
  const [, ...others] = variablesOf(name);
  const more = others.length === 0 ? '' : `; also ${others.map((other) => `\`${other}\``).join(', ')}`;
  return [
    `\`${name}\`${isReloadable === true ? ' ↻' : ''}`,
    flag === undefined ? '' : `\`${flag.replace(/ <.*/, '')}\``,
    type.wanted,
    usual === undefined ? 'not set' : `\`${usual as string}\``,
    description + more,
  ];
}

if (import.meta.main) {
  const file = join(repositoryRoot, 'docs/configuration.md');
  writeFileSync(file, withSettingsTable(readFileSync(file, 'utf8')));
}
