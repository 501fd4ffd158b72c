// The loader. A publisher's page has it as <script async src=".../embed.js" data-sawt-poll="ID">, which is replaced by
// the poll, or once for any number of <sawt-poll poll="ID">. It brings the script, whose bytes it vouches for, and gives
// frames of polls the height they ask for. In a poll's own page it brings what did not come.
//
// It is read by browsers that can't read the script.
(() => {
  // What each service shows its polls with, by base address: nothing before its script is there.
  const known = Symbol.for('sawt');
  const services = (window[known] = window[known] || new Map());
  const find = (selector) => [...document.querySelectorAll(selector)];
  const sleep = (secs) => new Promise((done) => setTimeout(done, secs * 1000 * (0.5 + Math.random())));
  const make = (name, members) => Object.assign(document.createElement(name), members);
  const put = (element) =>
    new Promise((done) => {
      element.onload = element.onerror = ({ type }) => done(type === 'load');
      document.head.append(element);
    });

  // Which script this is. From the prototype, since an element of the page may be named "currentScript". A module is not
  // told: then it is those that name a poll, or whichever of this name brings the script.
  const self = Reflect.get(Document.prototype, 'currentScript', document);
  const named = find('script[src*="/embed.js"][data-sawt-poll]');
  const scripts = self && self.src ? [self] : named[0] ? named : find('script[src*="/embed.js"]');
  const baseOf = ({ src }) => (/\/embed\.js/.test(src) ? src.split('/embed.js')[0] : new URL(src).origin);

  // A page that demands it (Trusted Types) is told by a policy that this address is meant, or by its own default one. If
  // it allows neither, the script comes without an element.
  const run = (address, members) => {
    const script = make('script', members);
    script.type = 'module';
    try {
      const types = window.trustedTypes;
      const policy = types && !types.defaultPolicy && types.createPolicy('sawt', { createScriptURL: (url) => url });
      script.src = policy ? policy.createScriptURL(address) : address;
    } catch {
      const link = make('link', members);
      link.rel = 'modulepreload';
      link.href = address;
      return put(link).then((isThere) => isThere && import(address).then(() => true));
    }
    return put(script);
  };

  // Where a poll is that does not come: a click away.
  const open = SAWT_OPEN;
  const offer = (base) => {
    for (const poll of find('sawt-poll')) {
      const [id] = /[\da-f-]{36}/i.exec(poll.getAttribute('poll')) || [];
      if (!id || poll.shadowRoot || poll.firstElementChild || (poll.getAttribute('from') || base) !== base) continue;
      const { lang } = poll.closest('[lang]') || poll;
      poll.append(make('a', { href: `${base}/embed/${id}/form`, textContent: open[lang.slice(0, 2)] || open.en }));
    }
  };

  // Tries again and again, and less and less often. Replicas of another version have another file, and say which.
  const bring = async (base, name, isThere, get, file) => {
    for (let tries = 0; tries < 12 && !isThere(); tries += 1) {
      try {
        if (tries > 1) offer(base);
        if (tries) await sleep(Math.min(60, 2 ** tries / 2));
        if (tries || !file) {
          const answer = await fetch(`${base}/embed/manifest.json?${Date.now()}`, { credentials: 'omit' });
          file = (await answer.json()).files.find((file) => file.name === name);
        }
        // A browser does not ask again for a module that failed, but for one with another address.
        const address = base + file.path + (tries ? `?${tries}` : '');
        // What came and is not there this browser can't read.
        if (await Promise.race([get(address, file.integrity), sleep(30)])) break;
      } catch {
        // Not this time.
      }
    }
    if (!isThere()) offer(base);
  };

  const start = async (base, nonce) => {
    const isThere = () => services.get(base);
    const get = (address, integrity) => run(address, { integrity, nonce, crossOrigin: 'anonymous' });
    let file = { path: 'SCRIPT_PATH', integrity: 'SCRIPT_INTEGRITY' };
    if (find('.sawt-page')[0]) {
      // The page names its files itself: they have come by then, or they have not.
      if (document.readyState !== 'complete') await Promise.race([new Promise((done) => (window.onload = done)), sleep(20)]);
      const isDressed = () => getComputedStyle(find('.sawt')[0]).getPropertyValue('--radius');
      const link = (href, integrity) => put(make('link', { rel: 'stylesheet', href, integrity, crossOrigin: 'anonymous' }));
      bring(base, 'poll.css', isDressed, link);
      file = undefined;
    }
    bring(base, 'app.js', isThere, get, file);
  };

  for (const script of scripts) {
    const base = baseOf(script);
    const isNew = !services.has(base);
    if (isNew) services.set(base, undefined);
    const { sawtPoll, ...options } = script.dataset;
    if (sawtPoll) {
      const poll = document.createElement('sawt-poll');
      poll.setAttribute('poll', sawtPoll);
      poll.setAttribute('from', base);
      for (const name of Object.keys(options)) poll.setAttribute(name, options[name]);
      script.replaceWith(poll);
    }
    if (!isNew && !find('.sawt-page')[0]) continue;
    start(base, script.nonce);

    const frames = () => find('iframe').filter((frame) => frame.src.startsWith(`${base}/embed/`));
    addEventListener('message', ({ data, origin, source }) => {
      const { v, type, height } = (data && data.sawt) || {};
      // A sandboxed frame has no origin; that it is the frame it says is seen by its window.
      if (v !== 1 || type !== 'height' || !(height > 0) || (origin !== new URL(base).origin && origin !== 'null')) return;
      for (const frame of frames()) {
        if (frame.contentWindow === source) frame.style.height = Math.min(height, 5000) + 'px';
      }
    });
    // Those that were there first have told it already, to nobody.
    for (const frame of frames()) frame.contentWindow.postMessage({ sawt: { v: 1, type: 'ask' } }, '*');
  }
})();
