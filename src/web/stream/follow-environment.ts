// What following a stream needs from the world around it, so that tests can put their own in its place.

/** Stops what it was returned for. Calling it again does nothing. */
export type Cancel = () => void;

export interface FollowEnvironment {
  fetch(path: string, init: RequestInit): Promise<Response>;
  /** Calls back once after `delayMs`. */
  setTimer(callback: () => void, delayMs: number): Cancel;
  /** Milliseconds that never run backwards. */
  now(): number;
  /** In [0, 1). */
  random(): number;
  /** Calls back when a connection is likely to be possible again, or to have died unseen. */
  onWake(callback: () => void): Cancel;
}

/** The browser's own. */
export function browserEnvironment(): FollowEnvironment {
  return {
    fetch: (path, init) => fetch(path, init),
    setTimer: (callback, delayMs) => {
      const timer = setTimeout(callback, delayMs);
      return () => {
        clearTimeout(timer);
      };
    },
    now: () => performance.now(),
    random: () => Math.random(),
    onWake,
  };
}

function onWake(callback: () => void): Cancel {
  const onVisible = (): void => {
    if (document.visibilityState === 'visible') callback();
  };
  // Back from the back-forward cache: the sockets of a frozen page are closed.
  const onShow = (event: PageTransitionEvent): void => {
    if (event.persisted) callback();
  };
  window.addEventListener('online', callback);
  window.addEventListener('pageshow', onShow);
  document.addEventListener('visibilitychange', onVisible);
  return () => {
    window.removeEventListener('online', callback);
    window.removeEventListener('pageshow', onShow);
    document.removeEventListener('visibilitychange', onVisible);
  };
}
