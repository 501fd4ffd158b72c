// The loader. A publisher's page has it as <script async src=".../embed.js" data-sawt-poll="ID">, which is replaced by
// the poll, or once for any number of <sawt-poll poll="ID">. It brings the script, whose bytes it vouches for, and gives
// frames of polls the height they ask for.
(() => {
  const self = document.currentScript ?? document.querySelector('script[src*="/embed.js"]');
  const { origin } = new URL(self.src);
  const { sawtPoll, ...options } = self.dataset;

  if (sawtPoll) {
    const poll = document.createElement('sawt-poll');
    poll.setAttribute('poll', sawtPoll);
    poll.setAttribute('from', origin);
    for (const name in options) poll.setAttribute(name, options[name]);
    self.replaceWith(poll);
  }

  const loaded = (window.sawtLoaded ??= {});
  if (loaded[origin]) return;
  loaded[origin] = true;

  const script = document.createElement('script');
  script.type = 'module';
  script.src = origin + 'SCRIPT_PATH';
  script.integrity = 'SCRIPT_INTEGRITY';
  script.crossOrigin = 'anonymous';
  if (self.nonce) script.nonce = self.nonce;
  document.head.append(script);

  const frames = () => [...document.querySelectorAll('iframe')].filter((frame) => frame.src.startsWith(origin + '/embed/'));
  addEventListener('message', ({ data, origin: from, source }) => {
    const { v, type, height } = data?.sawt ?? {};
    // A sandboxed frame has no origin; that it is the frame it says is seen by its window.
    if (v !== 1 || type !== 'height' || !(height > 0) || (from !== origin && from !== 'null')) return;
    for (const frame of frames()) {
      if (frame.contentWindow === source) frame.style.height = Math.min(height, 5000) + 'px';
    }
  });
  // Those that were there first have told it already, to nobody.
  for (const frame of frames()) frame.contentWindow.postMessage({ sawt: { v: 1, type: 'ask' } }, '*');
})();
