// The configuration of a relay that runs: read again on demand, it changes what may change while it runs, and keeps
// the rest as it was.

import { ConfigError } from './config-error.ts';
import { shown } from './print-config.ts';
import type { LoadedConfig } from './read-config.ts';
import { settingNames, settingOf } from './serve-settings.ts';
import type { Config, SettingName } from './config.ts';

export interface RunningConfigOptions {
  readonly read: () => Promise<LoadedConfig>;
  /** Makes the new values count. */
  readonly apply: (config: Config) => void;
  readonly tell: (level: 'info' | 'error', what: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** From what a setting went to what; of a secret only that it did. */
interface Change {
  readonly setting: SettingName;
  readonly from: unknown;
  readonly to: unknown;
}

export class RunningConfig {
  #values: Config;
  readonly #options: RunningConfigOptions;
  /** One at a time: each waits for the one before. */
  #reload: Promise<void> = Promise.resolve();

  constructor(values: Config, options: RunningConfigOptions) {
    this.#values = values;
    this.#options = options;
  }

  get values(): Config {
    return this.#values;
  }

  /** Never rejects: what is wrong is told, and all stays as it was. */
  reload(): Promise<void> {
    this.#reload = this.#reload.then(() => this.#readAgain());
    return this.#reload;
  }

  async #readAgain(): Promise<void> {
    const { read, apply, tell } = this.#options;
    try {
      const { values } = await read();
      const changed = settingNames.filter((name) => !isSame(values[name], this.#values[name]));
      const applied = changed.filter((name) => settingOf(name).isReloadable === true);
      const changes = applied.map((name) => this.#changeTo(name, values));
      const taken = Object.fromEntries(applied.map((name) => [name, values[name]])) as Partial<Config>;
      const next = { ...this.#values, ...taken };
      this.#take(next, apply);
      const needRestart = changed.filter((name) => !applied.includes(name));
      tell('info', 'configuration', { changes, needRestart });
    } catch (error) {
      const problems = error instanceof ConfigError ? error.problems : [(error as Error).message];
      tell('error', 'configuration', { problems, kept: true });
    }
  }

  /** What is not taken is thrown, and nothing has changed. */
  #take(next: Config, apply: RunningConfigOptions['apply']): void {
    const before = this.#values;
    // Who applies them sees all of them, such as the key of upstream beside those of clients.
    this.#values = next;
    try {
      apply(next);
    } catch (error) {
      this.#values = before;
      throw error;
    }
  }

  #changeTo(setting: SettingName, values: Config): Change {
    return { setting, from: shown(setting, this.#values[setting]), to: shown(setting, values[setting]) };
  }
}

function isSame(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}
