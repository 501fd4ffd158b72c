// The poll in a publisher's page: <sawt-poll>.

import { device, memory } from './device.js';
import { bring, showing } from './kinds.js';
import { fetchPage } from './markup.js';
import { HOME } from './home.js';
import { NEAR, seen } from './sight.js';
import { dress } from './style.js';
import { SECOND, jitter, sleep } from './time.js';

// What is said if the first page does not come, by language.
const FAILED = SAWT_FAILED;

// The services that this page has scripts of: what shows a poll of theirs, by base address. Their loaders have put them
// there, and no element of the page can.
const services = (globalThis[Symbol.for('sawt')] ??= new Map());

// An id, or an address that ends in one.
const ID = /(?:^|\/)([\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12})(?:\/form)?\/?(?:[?#].*)?$/i;

const THEMES = ['light', 'dark'];
const LOOKS = ['theme', 'lang', 'digits'];

// One poll in one element.
class Widget {
  #host;
  #root;
  #poll;
  #turn = 0;
  // The polls that are shown here, one after another, and the place of that whose turn it is.
  #series = {};
  #asked;
  #dressed;

  constructor(host) {
    this.#host = host;
    this.#root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  }

  #told(name) {
    return this.#host.getAttribute(name)?.trim();
  }

  stop() {
    this.#turn += 1;
    this.#poll?.stop();
  }

  // The page is fetched until it comes: what stands there meanwhile keeps its place. After an edit under an address of
  // its own, for a cache may go on with the page of before.
  async load(edit) {
    const turn = (this.#turn += 1);
    const place = this.#told('place');
    const named = place ? `sites/${this.#told('site') ?? 'default'}/places/${place}` : this.#told('poll');
    if (this.#series.named !== named)
      this.#series = { named, polls: named?.split(/\s+/) ?? [], place: 0, next: () => this.load() };
    const name = this.#series.polls[this.#series.place];
    const id = ID.exec(name)?.[1].toLowerCase();
    // Or an article's poll, by site, article and template; or whichever stands in a place of a site.
    const path = /^sites\/./.test(name) ? name : id;
    if (!this.#root.querySelector('.sawt')) this.#placeholder();
    if (!path) {
      console.warn(`sawt-poll: no poll="${named}"`);
      this.#failed();
      return;
    }
    const look = new URLSearchParams();
    for (const name of LOOKS) if (this.#told(name)) look.set(name, this.#told(name));
    if (edit) look.set('revision', edit.slice(36));
    const query = look.toString();
    const address = `${HOME}/embed/${path}${query && `${/\?/.test(path) ? '&' : '?'}${query}`}`;
    if (this.#told('loading')?.toLowerCase() !== 'eager') await seen(this.#host, NEAR);
    for (let tries = 0; turn === this.#turn; tries += 1) {
      const { wait, root } = await fetchPage(address, path === id && id);
      if (turn !== this.#turn) return;
      if (root) {
        const { Kind, style } = await showing(root, /\s/.test(named) && 'series', this.#told('words') && 'words');
        await this.#dress(style);
        if (turn === this.#turn) this.#put(root, Kind);
        return;
      }
      this.#failed(path === id ? `${id}/form` : path);
      await sleep(jitter(Math.max(wait, Math.min(60, 2 ** tries)) * SECOND));
    }
  }

  recolour() {
    const theme = this.#told('theme')?.toLowerCase();
    const root = this.#root.querySelector('.sawt');
    if (root) root.dataset.theme = THEMES.includes(theme) ? theme : 'auto';
  }

  #dress(style) {
    return style ? dress(this.#root, style) : (this.#dressed ??= dress(this.#root));
  }

  #show(root) {
    this.#root.querySelector('.sawt')?.remove();
    this.#root.append(root);
  }

  #put(root, Kind) {
    this.#poll?.stop();
    this.#show(root);
    // In an article, the question is no title of the page.
    root.querySelector('h1').setAttribute('aria-level', '2');
    if (root.dataset.place) bring('place').then(({ follow }) => follow(root, this));
    if (!root.dataset.poll) {
      // One that is gone, and the next has its place; after the last the one before it is the last.
      const { polls, place } = this.#series;
      if (!polls[1]) return;
      polls.splice(place, 1);
      if (!polls[place]) this.#series.place -= 1;
      this.load();
      return;
    }
    const storage = this.#told('storage') ?? this.#host.dataset.storage;
    this.#poll = new Kind(root, { from: HOME, kept: storage?.toLowerCase() === 'none' ? memory : device, series: this.#series });
    this.#poll.onReshape = (edit) => {
      if (edit !== this.#asked) setTimeout(() => this.load(edit), jitter(5 * SECOND));
      this.#asked = edit;
    };
    this.#poll.start();
  }

  #placeholder() {
    const root = document.createElement('div');
    root.className = 'sawt';
    root.dataset.state = 'loading';
    root.setAttribute('aria-busy', 'true');
    this.#show(root);
    this.#dress();
  }

  // The poll's plain form is a click away.
  #failed(path) {
    const root = this.#root.querySelector('.sawt');
    if (root.dataset.state !== 'loading') return;
    const lang = this.#told('lang') ?? this.#host.closest('[lang]')?.lang ?? navigator.language;
    const language = lang.toLowerCase().split(/[-_]/)[0];
    const said = FAILED[language] ?? FAILED.en;
    root.setAttribute('role', 'status');
    root.dir = 'auto';
    root.textContent = `${said} `;
    if (!path) return;
    const link = document.createElement('a');
    const open = services.open ?? {};
    Object.assign(link, { href: `${HOME}/embed/${path}`, target: '_blank', rel: 'noopener' });
    // Only a loader of before has no words for it.
    link.textContent = open[language] ?? open.en ?? link.href;
    root.append(link);
  }
}

// There is one <sawt-poll> in a page, of whichever service came first. It lets the service show the poll that `from`
// names, if the page has its script, and otherwise its own.
export class SawtPoll extends HTMLElement {
  static observedAttributes = ['poll', 'place', 'site', 'from', 'loading', ...LOOKS];

  #widget;
  #show;
  // From when it is put into the page; an element that was there before this script is told its attributes first.
  #isIn;

  connectedCallback() {
    this.#isIn = true;
    this.#widget?.stop();
    const from = this.getAttribute('from') ?? HOME;
    const isKnown = services.has(from);
    if (!isKnown) console.warn(`sawt-poll: no script of from="${from}"`);
    if (!services.get(from)) addEventListener('sawt', () => this.isConnected && this.connectedCallback(), { once: true });
    const show = services.get(isKnown ? from : HOME);
    // Its loader may be there before its script.
    if (show !== this.#show) this.#widget = show?.(this);
    this.#show = show;
    this.#widget?.load();
  }

  disconnectedCallback() {
    this.#isIn = false;
    this.#widget?.stop();
  }

  attributeChangedCallback(name) {
    if (!this.#isIn) return;
    if (name === 'theme') this.#widget?.recolour();
    else if (name === 'from') this.connectedCallback();
    else if (name !== 'loading' || !this.shadowRoot?.querySelector('[data-poll]')) this.#widget?.load();
  }
}

// What the poll does with these keys is no business of the page's shortcuts: they would scroll, turn pages, or keep the
// arrow from the answer it leads to. Whoever listens before this script, and there already takes a key, has it.
const KEYS = /^( |Enter|Arrow.+)$/;
const keep = (event) => {
  const path = event.composedPath();
  if (!KEYS.test(event.key) || !path.some((node) => node instanceof SawtPoll)) return;
  event.stopImmediatePropagation();
  // Nobody hears of it, not even the poll: what it does with a key of its own accord hangs on the element.
  path[0].hear?.(event);
};

// Lets this service show its polls here. A second copy of its script, of whatever version, does nothing.
export function serve() {
  if (services.get(HOME)) return;
  services.set(HOME, (host) => new Widget(host));
  if (!customElements.get('sawt-poll')) {
    for (const type of ['keydown', 'keypress', 'keyup']) addEventListener(type, keep, true);
    customElements.define('sawt-poll', SawtPoll);
  }
  // Frames have a file of their own: where there are some by now, and where one says something later.
  let frames;
  const serveFrames = () => (frames ??= bring('frames').then(({ serve }) => serve(HOME)));
  if (document.querySelector('iframe[src*="/embed/"]')) serveFrames();
  addEventListener('message', ({ data }) => data?.sawt && serveFrames());
  dispatchEvent(new Event('sawt'));
}
