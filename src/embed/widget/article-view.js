// Views of articles: <sawt-view site="…">, and sawt.view({site: '…'}) for pages that change without being loaded.
//
// Served as /embed/view.js, by a name that stays: a publisher's page has it as a module.

import { here, named } from './here.js';
import { HOME } from './home.js';
import { seen, shareMarks, view } from './sight.js';

shareMarks();

// Counts a view of an article, named by its id or by its address.
function count({ site = 'default', article, url } = {}) {
  view(HOME, named({ site, article, url: article ? undefined : (url ?? here()) }));
}

class SawtView extends HTMLElement {
  async connectedCallback() {
    // A page that is loaded ahead may never be seen.
    if (document.prerendering) await new Promise((done) => document.addEventListener('prerenderingchange', done, { once: true }));
    await seen(this);
    const told = ['site', 'article', 'url'].map((name) => [name, this.getAttribute(name) ?? undefined]);
    if (this.isConnected) count(Object.fromEntries(told));
  }
}

(globalThis.sawt ??= {}).view ??= count;
if (!customElements.get('sawt-view')) customElements.define('sawt-view', SawtView);
