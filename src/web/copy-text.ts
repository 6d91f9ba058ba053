// Text to the clipboard.

/** False when the browser does not allow it. */
export async function copyText(text: string): Promise<boolean> {
  // Browsers give the clipboard to secure origins only: not to a relay on another machine without TLS.
  if (!('clipboard' in navigator)) return false;
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch (error) {
    if (error instanceof DOMException) return false;
    throw error;
  }
}
