// <sawt-reactions> and <sawt-rating>: what readers think of an article. Each is a poll that a template of the site gives to
// every article, and that is made with its first ballot.
//
// Served as /embed/article.js, by a name that stays: a publisher's page has it as a module, beside the loader or alone.

import { here, isAddress } from './here.js';
import { HOME } from './home.js';

// What the poll itself is told.
const PASSED = ['lang', 'theme', 'digits', 'loading', 'storage'];

class ArticleElement extends HTMLElement {
  static observedAttributes = ['site', 'article', 'template', ...PASSED];

  connectedCallback() {
    const asked = (name) => this.getAttribute(name)?.trim();
    const article = asked('article') || here();
    const [id, query] = isAddress(article) ? ['@url', `?url=${encodeURIComponent(article)}`] : [encodeURIComponent(article), ''];
    const template = asked('template') || this.constructor.template;
    const named = `sites/${asked('site') || 'default'}/articles/${id}/${template}${query}`;
    const poll = this.querySelector('sawt-poll') ?? document.createElement('sawt-poll');
    for (const [name, value] of [['from', HOME], ['poll', named], ...PASSED.map((name) => [name, this.getAttribute(name)])]) {
      if (value === null) poll.removeAttribute(name);
      else if (poll.getAttribute(name) !== value) poll.setAttribute(name, value);
    }
    if (!poll.isConnected) this.append(poll);
  }

  attributeChangedCallback() {
    if (this.isConnected && this.firstElementChild) this.connectedCallback();
  }
}

const ELEMENTS = {
  'sawt-reactions': class extends ArticleElement {
    static template = 'reactions';
  },
  'sawt-rating': class extends ArticleElement {
    static template = 'stars';
  },
};

for (const [name, element] of Object.entries(ELEMENTS)) if (!customElements.get(name)) customElements.define(name, element);

// What shows polls comes by the loader, which may be pinned.
if (!document.querySelector(`script:is([src^="${HOME}/embed.js"],[src^="${HOME}/embed/assets/embed."])`)) {
  document.head.append(Object.assign(document.createElement('script'), { async: true, src: `${HOME}/embed.js` }));
}
