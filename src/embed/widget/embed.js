// The loader. A publisher's page has it as <script async src=".../embed.js" data-sawt-poll="ID">, which is replaced by
// the poll, or once for any number of <sawt-poll poll="ID">. It brings the script, whose bytes it vouches for, when one of
// them comes near what is seen. In a poll's own page it brings the script if that did not come.
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
  // told: then it is those that name a poll, or whichever has one of its names, the one that stays or that of its bytes.
  const LOADER = /(.+?)\/embed(\.js|\/assets\/embed\.)/;
  const self = Reflect.get(Document.prototype, 'currentScript', document);
  const loaders = find('script').filter(({ src }) => LOADER.test(src));
  const named = loaders.filter(({ dataset }) => dataset.sawtPoll);
  const scripts = self && self.src ? [self] : named[0] ? named : loaders;
  const baseOf = ({ src }) => (LOADER.exec(src) || [0, new URL(src).origin])[1];

  // Where a page may demand that addresses of scripts be vouched for (Trusted Types) the script comes without an element.
  const run = (address, members) =>
    window.trustedTypes
      ? put(make('link', { rel: 'modulepreload', href: address, ...members })).then((isThere) => isThere && import(address).then(() => true, () => true))
      : put(make('script', { type: 'module', src: address, ...members }));

  // Where a poll is that does not come, in each language: a click away. The script says it, too.
  const open = (services.open = SAWT_OPEN);
  const offer = (base) => {
    for (const poll of find('sawt-poll')) {
      const [id] = /[\da-f-]{36}/i.exec(poll.getAttribute('poll')) || [];
      if (!id || poll.shadowRoot || poll.firstElementChild || (poll.getAttribute('from') || base) !== base) continue;
      const { lang } = poll.closest('[lang]') || poll;
      poll.append(make('a', { href: `${base}/embed/${id}/form`, textContent: open[lang.slice(0, 2)] || open.en }));
    }
  };

  // Tries again and again, and less and less often. Replicas of another version have another file, and say which.
  const bring = async (base, file, nonce) => {
    const isThere = () => services.get(base);
    for (let tries = 0; tries < 12 && !isThere(); tries += 1) {
      try {
        if (tries > 1) offer(base);
        if (tries) await sleep(Math.min(60, 2 ** tries / 2));
        if (tries || !file) {
          const answer = await fetch(`${base}/embed/manifest.json?${Date.now()}`, { credentials: 'omit' });
          file = (await answer.json()).files.find((file) => file.name === 'app.js');
        }
        // A browser does not ask again for a module that failed, but for one with another address.
        const address = base + file.path + (tries ? `?${tries}` : '');
        // What came and is not there this browser can't read.
        if (await Promise.race([run(address, { integrity: file.integrity, nonce, crossOrigin: 'anonymous' }), sleep(30)])) break;
      } catch {
        // Not this time.
      }
    }
    if (!isThere()) offer(base);
  };

  const page = find('.sawt-page')[0];

  // A poll, or a frame of one, is within one screen of what is seen, or is not to wait for that. Polls in shadow roots
  // are not found: a page that has no others by then has the script at once.
  const near = () =>
    new Promise((done) => {
      const sight = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && end(), { rootMargin: '100%' });
      const look = () => {
        const polls = find('sawt-poll,iframe[src*="/embed/"]');
        for (const poll of polls) poll.getAttribute('loading') === 'eager' && poll.src === undefined ? end() : sight.observe(poll);
        if (document.readyState === 'complete' && !polls[0]) end();
      };
      const changes = new MutationObserver(look);
      // What changes in the page is no concern of ours from then on.
      const end = () => done(changes.disconnect());
      changes.observe(document, { childList: true, subtree: true });
      addEventListener('load', look);
      // What follows here puts polls into the page.
      setTimeout(look);
    });

  const start = async (base, nonce) => {
    let file = { path: 'SCRIPT_PATH', integrity: 'SCRIPT_INTEGRITY' };
    if (page) {
      // The page names its script itself: it has come by then, or it has not.
      if (document.readyState !== 'complete') await Promise.race([new Promise((done) => (window.onload = done)), sleep(20)]);
      file = undefined;
    } else await near();
    bring(base, file, nonce);
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
    if (!isNew && !page) continue;
    start(base, script.nonce);
  }
})();
