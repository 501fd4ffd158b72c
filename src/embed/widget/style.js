// The style sheet of all polls in a publisher's page. It comes as text, since a page may forbid all but its own to be linked.

import { HOME, ask } from './service.js';

const OWN = { path: 'STYLE_PATH', integrity: 'STYLE_INTEGRITY' };

let coming;

// Fetched once; `undefined` if it did not come, and then asked for again by the next who wants it.
export const style = () => (coming ??= bring(OWN).then((found) => found ?? newest()).then((found) => found ?? (coming = undefined)));

async function bring({ path, integrity }) {
  const { status, text } = await ask(HOME, path, { integrity });
  if (status !== 200 || !text) return undefined;
  try {
    return { sheet: await new CSSStyleSheet().replace(text) };
  } catch {
    return { text, path, integrity };
  }
}

// Replicas of another version have another, and say which.
async function newest() {
  const { status, text } = await ask(HOME, '/embed/manifest.json', { cache: 'no-cache' });
  try {
    return status === 200 ? await bring(JSON.parse(text).files.find(({ name }) => name === 'poll.css')) : undefined;
  } catch {
    return undefined;
  }
}

// Puts it on. Safari before 16.4 shares no sheets between roots: there each has an element, or a link where the page
// allows none that is inline.
export async function dress(root, { sheet, text, path, integrity }) {
  if (sheet) {
    root.adoptedStyleSheets = [sheet];
    return;
  }
  const style = document.createElement('style');
  style.textContent = text;
  root.prepend(style);
  if (style.sheet) return;
  const link = document.createElement('link');
  Object.assign(link, { rel: 'stylesheet', href: HOME + path, integrity, crossOrigin: 'anonymous' });
  const there = new Promise((done) => (link.onload = link.onerror = done));
  style.replaceWith(link);
  await there;
}
