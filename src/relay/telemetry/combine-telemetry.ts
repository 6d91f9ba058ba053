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
  const tell = tellerOf(all, onError);
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
      return combineStreams(ofStream, onError);
    },
  };
}

function combineStreams(
  all: readonly StreamTelemetry[],
  onError: (error: unknown) => void,
): Required<StreamTelemetry> {
  const tell = tellerOf(all, onError);
  return {
    answered: (...given) => tell('answered', given),
    firstContent: (...given) => tell('firstContent', given),
    moreContent: (...given) => tell('moreContent', given),
    attempt: (...given) => tell('attempt', given),
    rewound: (...given) => tell('rewound', given),
    end: (...given) => tell('end', given),
  };
}

function tellerOf<Told extends object>(all: readonly Told[], onError: (error: unknown) => void) {
  return <Name extends keyof Told>(name: Name, given: Methods<Told>[Name]): void => {
    for (const one of all) {
      try {
        (one[name] as ((...given: readonly unknown[]) => void) | undefined)?.call(one, ...given);
      } catch (error) {
        onError(error);
      }
    }
  };
}
