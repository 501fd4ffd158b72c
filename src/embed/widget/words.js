// What a page says in words of its own, before its site's and the service's: `words` of its element, as JSON, by the names
// that a site's own have.

const SHOWN = { vote: '.sawt-vote', see_results: '.sawt-peek' };

export const of = (Poll) =>
  class extends Poll {
    constructor(root, ...rest) {
      const words = JSON.parse(root.dataset.words);
      for (const [name, text] of Object.entries(saidBy(root.getRootNode().host))) {
        if (!(name in SHOWN || name === 'counted') || typeof text !== 'string' || !text.trim()) continue;
        words.texts[name] = text;
        const shown = SHOWN[name] && root.querySelector(SHOWN[name]);
        if (shown) shown.textContent = text;
      }
      root.dataset.words = JSON.stringify(words);
      super(root, ...rest);
    }
  };

const saidBy = (host) => {
  try {
    return JSON.parse(host.getAttribute('words')) ?? {};
  } catch {
    console.warn('sawt-poll: words="…" is no JSON');
    return {};
  }
};
