// The poll in a publisher's page: <sawt-poll>.

import { device, memory } from './device.js';
import { Poll } from './poll.js';
import { HOME, ask } from './service.js';
import { SECOND, jitter } from './time.js';

// What is said if the first page does not come, by language.
const FAILED = {/* FAILED */};

// A page that demands it is told that this markup is the service's own.
const policy = globalThis.trustedTypes?.createPolicy('sawt', { createHTML: (html) => html });
const trusted = (html) => policy?.createHTML(html) ?? html;

let sheet;

// The style sheet, fetched once and shared by all polls. As text, since a page may forbid all but its own to be linked.
const style = () =>
  (sheet ??= fetch(HOME + 'STYLE_PATH', { integrity: 'STYLE_INTEGRITY', credentials: 'omit' })
    .then((answer) => answer.text())
    .then((text) => new CSSStyleSheet().replace(text))
    .catch(() => (sheet = undefined)));

export class SawtPoll extends HTMLElement {
  static observedAttributes = ['poll', 'theme', 'lang', 'digits'];

  #poll;
  #turn = 0;
  #asked;

  connectedCallback() {
    if (!this.shadowRoot) this.attachShadow({ mode: 'open' });
    this.load();
  }

  disconnectedCallback() {
    this.#turn += 1;
    this.#poll?.stop();
  }

  attributeChangedCallback(name, _, value) {
    const root = this.#poll?.root;
    if (!root || !this.isConnected) return;
    if (name === 'theme') root.dataset.theme = value ?? 'auto';
    else this.load();
  }

  // The page is fetched until it comes: what stands there meanwhile keeps its place.
  async load() {
    const turn = (this.#turn += 1);
    const from = this.getAttribute('from') ?? HOME;
    const query = new URLSearchParams();
    for (const name of ['lang', 'digits', 'theme']) if (this.getAttribute(name)) query.set(name, this.getAttribute(name));
    if (!this.shadowRoot.querySelector('.sawt')) this.#placeholder();
    for (let tries = 0; ; tries += 1) {
      const [css, { status, wait, text }] = await Promise.all([style(), ask(from, `/embed/${this.getAttribute('poll')}?${query}`)]);
      if (turn !== this.#turn) return;
      const found = text && css && new DOMParser().parseFromString(trusted(text), 'text/html').querySelector('.sawt');
      if (found && status !== 429 && status < 500) {
        this.#put(document.importNode(found, true), css, from);
        return;
      }
      this.#failed();
      await new Promise((done) => setTimeout(done, jitter(Math.max(wait, Math.min(60, 2 ** tries)) * SECOND)));
      if (turn !== this.#turn) return;
    }
  }

  #put(root, css, from) {
    this.#poll?.stop();
    const { shadowRoot } = this;
    shadowRoot.adoptedStyleSheets = [css];
    shadowRoot.replaceChildren(root);
    // In an article, the question is no title of the page.
    root.querySelector('h1').ariaLevel = '2';
    if (!root.dataset.poll) return;
    const storage = this.getAttribute('storage') ?? this.dataset.storage;
    this.#poll = new Poll(root, { from, kept: storage === 'none' ? memory : device });
    this.#poll.onReshape = (edit) => {
      if (edit !== this.#asked) setTimeout(() => this.load(), jitter(5 * SECOND));
      this.#asked = edit;
    };
    this.#poll.start();
  }

  #placeholder() {
    const root = document.createElement('div');
    root.className = 'sawt';
    root.dataset.state = 'loading';
    root.ariaBusy = 'true';
    this.shadowRoot.replaceChildren(root);
    style().then((css) => css && (this.shadowRoot.adoptedStyleSheets = [css]));
  }

  #failed() {
    const root = this.shadowRoot.querySelector('.sawt');
    if (root.dataset.state !== 'loading') return;
    const lang = this.getAttribute('lang') ?? this.closest('[lang]')?.lang ?? navigator.language;
    root.role = 'status';
    root.textContent = FAILED[lang.split('-')[0]] ?? FAILED.en;
  }
}
