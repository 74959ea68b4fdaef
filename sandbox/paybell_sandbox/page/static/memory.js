// What this browser keeps of the page until it is opened again. Where it keeps nothing, the page does without.

/** What was kept under this name; null where nothing was, or where the browser lets nothing be kept. */
export function recalled(name) {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

/** Keeps a text under this name, where the browser lets it. */
export function keep(name, text) {
  try {
    localStorage.setItem(name, text);
  } catch {
    // without storage it is forgotten with the page
  }
}
