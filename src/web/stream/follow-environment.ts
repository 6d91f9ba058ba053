// What following a stream needs from the world around it, so that tests can put their own in its place.

import { StreamPlaces, uncountedPlace } from './stream-places.ts';
import type { Place } from './stream-places.ts';

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
  /** Waits until a stream may be opened. An abort rejects with the signal's own reason. */
  takePlace(signal: AbortSignal): Promise<Place>;
}

/** The browser's own. */
export function browserEnvironment(): FollowEnvironment {
  return {
    fetch: (path, init) => fetch(path, init),
    setTimer,
    now: () => performance.now(),
    random: () => Math.random(),
    onWake,
    takePlace: placesOf(navigator),
  };
}

/** Only pages of a secure context have locks: over https, or from a loopback address. Others know nothing of each
 * other. */
function placesOf({ locks }: { readonly locks?: LockManager }): FollowEnvironment['takePlace'] {
  if (locks === undefined || isMultiplexed()) return async () => uncountedPlace;
  const places = new StreamPlaces({ locks, isVisible, onVisibilityChange, setTimer });
  return (signal) => places.take(signal);
}

/** Over HTTP/2 and 3 all requests of all tabs share a connection, and there are places enough. */
function isMultiplexed(): boolean {
  const [navigation] = performance.getEntriesByType('navigation');
  return navigation instanceof PerformanceNavigationTiming && /^h[23]/.test(navigation.nextHopProtocol);
}

function isVisible(): boolean {
  return document.visibilityState === 'visible';
}

function onVisibilityChange(callback: () => void): Cancel {
  document.addEventListener('visibilitychange', callback);
  return () => {
    document.removeEventListener('visibilitychange', callback);
  };
}

function setTimer(callback: () => void, delayMs: number): Cancel {
  const timer = setTimeout(callback, delayMs);
  return () => {
    clearTimeout(timer);
  };
}

function onWake(callback: () => void): Cancel {
  const onVisible = (): void => {
    if (isVisible()) callback();
  };
  // Back from the back-forward cache: the sockets of a frozen page are closed.
  const onShow = (event: PageTransitionEvent): void => {
    if (event.persisted) callback();
  };
  window.addEventListener('online', callback);
  window.addEventListener('pageshow', onShow);
  const cancelVisible = onVisibilityChange(onVisible);
  return () => {
    window.removeEventListener('online', callback);
    window.removeEventListener('pageshow', onShow);
    cancelVisible();
  };
}
