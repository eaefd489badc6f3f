// What the browser keeps for later. It may have no room for it, or be told to keep nothing; the page then goes on without.

/** Keep a text under a key. Returns whether it is kept. */
export function keepText(key, text) {
  try {
    localStorage.setItem(key, text);
    return true;
  } catch (error) {
    if (error instanceof DOMException) return false;
    throw error;
  }
}
