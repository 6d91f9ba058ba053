// Named character references (`&copy;`) in text. marked leaves them to whoever parses its HTML; here nobody does.
// Numeric ones it has decoded already.

const known = new Map<string, string>();
/** The longest name in the HTML standard's table has 31 letters. */
const reference = /&[A-Za-z][A-Za-z0-9]{1,30};/g;
/** There are 2125 names; made-up ones must not fill the map. */
const mostKnown = 4096;

/** Decodes each reference once: `&amp;lt;` is the text `&lt;`. A name that does not exist stays as it is. */
export function decodeEntities(text: string): string {
  return text.includes('&') ? text.replaceAll(reference, decodeReference) : text;
}

function decodeReference(name: string): string {
  const decoded = known.get(name) ?? parseReference(name);
  if (known.size < mostKnown) known.set(name, decoded);
  return decoded;
}

/** The browser has the table. `name` is one reference and nothing else, so there is no markup to parse. */
function parseReference(name: string): string {
  return new DOMParser().parseFromString(name, 'text/html').body.textContent;
}
