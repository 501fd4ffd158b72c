// The article that a page is, and how one is named where it is told to be seen.

// The page by the address that it names for itself, which is the same however a reader came; without what only leads to a
// place in it.
export const here = () => document.querySelector('link[rel~="canonical" i]')?.href || location.href.split('#')[0];

// Whether an article is named by its address, and not by its publisher's id.
export const isAddress = (article) => /^https?:\/\//i.test(article);

// By hand: whatever the page has taught objects stays out of it.
export const named = (members) =>
  `{${Object.entries(members)
    .filter(([, text]) => text)
    .map(([name, text]) => `"${name}":${JSON.stringify(String(text))}`)}}`;
