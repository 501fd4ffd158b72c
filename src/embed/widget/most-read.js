// <sawt-most-read site="…">: what of a site is read, voted in or reacted to most.
//
// Served as /embed/most-read.js, by a name that stays: a publisher's page has it as a module.

import { HOME } from './home.js';
import style from './most-read.css';
import { NEAR, seen } from './sight.js';
import { SECOND, jitter, sleep } from './time.js';

// What the list is headed by, by what ranks it, and what is said of an empty one; each by language.
const HEADINGS = { views: SAWT_MOST_READ, votes: SAWT_MOST_VOTED, reactions: SAWT_MOST_REACTIONS };
const NOTHING = SAWT_NOTHING_YET;

// Safari before 16.4 has an element in each root.
const SHEET = 'adoptedStyleSheets' in Document.prototype && new CSSStyleSheet();
if (SHEET) SHEET.replaceSync(style);

const REFRESH = 60 * SECOND;
const MOST = 50;

const make = (name, members = {}, ...children) => {
  const element = Object.assign(document.createElement(name), members);
  element.append(...children);
  return element;
};

// What an address says of its article, where no title is known: its last name in words, which is what many sites write there.
const wordsOf = (url) => {
  const { host, pathname } = new URL(url);
  let path = pathname;
  try {
    path = decodeURIComponent(pathname);
  } catch {
    // It is in no text's encoding.
  }
  const names = path.split('/').map((name) => name.replace(/\.\w{2,5}$/, '').replaceAll(/[-_+]+/g, ' ').trim());
  return names.findLast((name) => /\p{L}{2}/u.test(name)) ?? host + path;
};

const isWeb = (url) => /^https?:\/\//.test(url);

class SawtMostRead extends HTMLElement {
  static observedAttributes = ['site', 'by', 'window', 'limit', 'section', 'lang', 'theme', 'digits', 'heading'];

  #root;
  #turn = 0;
  #shown;

  connectedCallback() {
    this.#root ??= this.attachShadow({ mode: 'open' });
    this.#follow();
  }

  disconnectedCallback() {
    this.#turn += 1;
  }

  attributeChangedCallback() {
    if (this.#root && this.isConnected) this.#follow();
  }

  #asked(name, words, other) {
    const said = this.getAttribute(name)?.trim().toLowerCase();
    return words.includes(said) ? said : other;
  }

  get #limit() {
    const limit = Number(this.getAttribute('limit'));
    return Number.isInteger(limit) && limit > 0 ? Math.min(limit, MOST) : 5;
  }

  // Shows the list when it comes near, and again every minute or so while somebody looks.
  async #follow() {
    const turn = (this.#turn += 1);
    const isOver = () => turn !== this.#turn;
    this.#frame();
    await seen(this, NEAR);
    while (!isOver()) {
      const list = await this.#ask();
      if (isOver()) return;
      if (list) this.#show(list);
      await sleep(jitter(REFRESH));
      if (document.hidden) await new Promise((done) => document.addEventListener('visibilitychange', done, { once: true }));
      await seen(this);
    }
  }

  async #ask() {
    const asked = new URLSearchParams({
      by: this.#asked('by', Object.keys(HEADINGS), 'views'),
      window: this.#asked('window', ['1h', '24h', '7d'], '24h'),
      // Some have no address to lead to.
      limit: Math.min(this.#limit * 2 + 10, MOST),
    });
    const section = this.getAttribute('section')?.trim();
    if (section) asked.set('section', section);
    const site = encodeURIComponent(this.getAttribute('site')?.trim() || 'default');
    try {
      const options = { credentials: 'omit', signal: AbortSignal.timeout(15 * SECOND) };
      const answer = await fetch(`${HOME}/v1/sites/${site}/trending?${asked}`, options);
      const list = await answer.json();
      return answer.ok && Array.isArray(list.items) ? list : undefined;
    } catch {
      return undefined;
    }
  }

  // The heading, and a place for each line.
  #frame() {
    const named = this.getAttribute('lang') ?? this.closest('[lang]')?.lang ?? navigator.language;
    const by = this.#asked('by', Object.keys(HEADINGS), 'views');
    const lang = [named.trim().toLowerCase().split(/[-_]/)[0], 'en'].find((lang) => lang in NOTHING);
    const box = make('section', { className: 'most', lang, dir: lang === 'ar' ? 'rtl' : 'ltr' });
    box.dataset.theme = this.#asked('theme', ['light', 'dark'], 'auto');
    box.dataset.digits = this.#asked('digits', ['arab'], 'latn');
    const heading = this.getAttribute('heading') ?? HEADINGS[by][lang];
    box.setAttribute('aria-label', heading || HEADINGS[by][lang]);
    if (heading) box.append(make('h2', { textContent: heading }));
    const list = make('ol', {}, ...Array.from({ length: this.#limit }, () => make('li', { textContent: '\u00a0' })));
    // Safari takes a list without marks for none.
    list.setAttribute('role', 'list');
    list.setAttribute('aria-busy', 'true');
    box.append(list);
    this.#shown = undefined;
    this.#root.replaceChildren(box);
    if (SHEET) this.#root.adoptedStyleSheets = [SHEET];
    else this.#root.prepend(make('style', { textContent: style }));
  }

  // As the site has said once. The page overrides it.
  #dress({ accent, accent_dark: dark, density, words } = {}) {
    const box = this.#root.querySelector('section');
    const heading = words?.[box.lang]?.most_read;
    if (heading && !this.hasAttribute('heading') && this.#asked('by', Object.keys(HEADINGS), 'views') === 'views') {
      box.querySelector('h2').textContent = heading;
      box.setAttribute('aria-label', heading);
    }
    for (const [name, colour] of Object.entries({ '--site-light': accent, '--site-dark': dark }))
      if (/^#[\da-f]{6}$/.test(colour)) box.style.setProperty(name, colour);
      else box.style.removeProperty(name);
    if (density) box.dataset.density = density;
  }

  #show({ items, look }) {
    this.#dress(look);
    const lines = items
      .map(({ poll, title, url, section }) => {
        const href = isWeb(url) ? url : poll && `${HOME}/embed/${poll}`;
        return href && { href, section, title: title ?? wordsOf(href) };
      })
      .filter(Boolean)
      .slice(0, this.#limit);
    const shown = JSON.stringify(lines.map(({ href, title, section }) => [href, title, section]));
    const list = this.#root.querySelector('ol');
    // What is read is not taken away from under a reader's finger, nor is the focus.
    if (shown === this.#shown || this.matches(':focus-within')) return;
    this.#shown = shown;
    list.removeAttribute('aria-busy');
    list.replaceChildren(
      ...lines.map(({ href, title, section }) => {
        const link = make('a', { href, dir: 'auto', textContent: title });
        if (section) link.prepend(make('small', { dir: 'auto', textContent: section }));
        return make('li', {}, link);
      }),
    );
    this.#root.querySelector('p')?.remove();
    const { lang } = list.parentElement;
    if (!lines.length) list.after(make('p', { textContent: NOTHING[lang] }));
    list.hidden = !lines.length;
  }
}

if (!customElements.get('sawt-most-read')) customElements.define('sawt-most-read', SawtMostRead);
