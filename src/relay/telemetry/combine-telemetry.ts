// Several who want to know as one, none of whom can do harm.

import type { RelayTelemetry, StreamTelemetry } from './telemetry.ts';

type Methods<Type> = {
  [Name in keyof Type]-?: Required<Type>[Name] extends (...given: infer Given) => unknown ? Given : never;
};

/** Tells all of them; what one throws goes to `onError`. Undefined for nobody. */
export function combineTelemetry(
  all: readonly RelayTelemetry[],
  onError: (error: unknown) => void,
): Required<RelayTelemetry> | undefined {
  if (all.length === 0) return undefined;
  const tell = <Name extends keyof RelayTelemetry>(name: Name, given: Methods<RelayTelemetry>[Name]): void =>
    tellAll(all, { name, given, onError });
  return {
    watch: (...given) => tell('watch', given),
    readerEnded: (...given) => tell('readerEnded', given),
    interrupted: (...given) => tell('interrupted', given),
    request: (...given) => tell('request', given),
    begin: (stream) => {
      const ofStream: StreamTelemetry[] = [];
      for (const each of all) {
        try {
          const one = each.begin?.(stream);
          if (one !== undefined) ofStream.push(one);
        } catch (error) {
          onError(error);
        }
      }
      // A copy has no room to spare.
      return new CombinedStreams([...ofStream], onError);
    },
  };
}

/** A class and no object of functions: every open stream has one. */
class CombinedStreams implements Required<StreamTelemetry> {
  readonly #all: readonly StreamTelemetry[];
  readonly #onError: (error: unknown) => void;

  constructor(all: readonly StreamTelemetry[], onError: (error: unknown) => void) {
    this.#all = all;
    this.#onError = onError;
  }

  answered(...given: Methods<StreamTelemetry>['answered']): void {
    this.#tell('answered', given);
  }

  firstContent(...given: Methods<StreamTelemetry>['firstContent']): void {
    this.#tell('firstContent', given);
  }

  moreContent(...given: Methods<StreamTelemetry>['moreContent']): void {
    this.#tell('moreContent', given);
  }

  attempt(...given: Methods<StreamTelemetry>['attempt']): void {
    this.#tell('attempt', given);
  }

  rewound(...given: Methods<StreamTelemetry>['rewound']): void {
    this.#tell('rewound', given);
  }

  end(...given: Methods<StreamTelemetry>['end']): void {
    this.#tell('end', given);
  }

  #tell<Name extends keyof StreamTelemetry>(name: Name, given: Methods<StreamTelemetry>[Name]): void {
    tellAll(this.#all, { name, given, onError: this.#onError });
  }
}

interface Telling<Told, Name extends keyof Told> {
  readonly name: Name;
  readonly given: Methods<Told>[Name];
  readonly onError: (error: unknown) => void;
}

function tellAll<Told extends object, Name extends keyof Told>(
  all: readonly Told[],
  { name, given, onError }: Telling<Told, Name>,
): void {
  for (const one of all) {
    try {
      (one[name] as ((...values: readonly unknown[]) => void) | undefined)?.call(one, ...given);
    } catch (error) {
      onError(error);
    }
  }
}
