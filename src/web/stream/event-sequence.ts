// The place of an event in its stream's log. The relay's ids are `<epoch>-<sequence>`: the sequence is dense over
// the stream's life, the epoch changes when another producer takes over and says nothing about order here.

/** The sequence in an event's id; undefined for an id of another form, or none. */
export function eventSequence(id: string | undefined): number | undefined {
  const digits = id === undefined ? undefined : /^\d+-(\d+)$/.exec(id)?.[1];
  const sequence = Number(digits);
  return Number.isSafeInteger(sequence) ? sequence : undefined;
}
