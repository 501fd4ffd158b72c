// The style sheet of all polls in a publisher's page. It comes with the script: one request less, and none of the page's.

import text from './poll.css';

const sheets = {};

// All polls that say the same share one.
const sheetOf = (text) => {
  try {
    if (!sheets[text]) (sheets[text] = new CSSStyleSheet()).replaceSync(text);
    return sheets[text];
  } catch {
    return undefined;
  }
};

const SHEET = sheetOf(text);

// Puts it on a shadow root or a document, and what a kind of poll has `more`. Safari before 16.4 shares no sheets between roots: there each has an element,
// or a link where the page allows none that is inline.
export async function dress(root, more = '') {
  if (SHEET) {
    root.adoptedStyleSheets = [SHEET, sheetOf(more)];
    return;
  }
  const style = document.createElement('style');
  style.textContent = text + more;
  (root.head ?? root).prepend(style);
  if (style.sheet) return;
  const link = document.createElement('link');
  Object.assign(link, { rel: 'stylesheet', href: import.meta.url.replace(/app(\.\w+\.)js[^/]*$/, 'poll$1css'), crossOrigin: 'anonymous' });
  const there = new Promise((done) => (link.onload = link.onerror = done));
  style.replaceWith(link);
  await there;
}
