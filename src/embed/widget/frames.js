// Frames of polls in a publisher's page get the height they ask for: what asks in the frame, and what hears it in the page.

import { SECOND } from './time.js';

// Tells the page around this frame how high what is in it is, or that it takes no room.
export function tell(isEmpty) {
  // WordPress gave the frame a secret to say its height with.
  const [, secret] = /secret=(\w+)/.exec(location.hash) ?? [];
  const say = () => {
    const height = isEmpty ? 1 : Math.ceil(document.body.getBoundingClientRect().height);
    // A frame that is not displayed has none.
    if (!height) return;
    parent.postMessage({ sawt: { v: 1, type: 'height', height } }, '*');
    if (secret) parent.postMessage({ message: 'height', value: height, secret }, '*');
  };
  new ResizeObserver(say).observe(document.body);
  // Who began to listen after that asks; WordPress does not, and is told again.
  addEventListener('message', ({ source, data }) => source === parent && data?.sawt?.type === 'ask' && say());
  if (secret) setTimeout(say, SECOND);
}

export function serve(home) {
  const frames = () => [...document.querySelectorAll('iframe')].filter(({ src }) => src.startsWith(`${home}/embed/`));
  addEventListener('message', ({ data, origin, source }) => {
    const { v, type, height } = data?.sawt ?? {};
    // A sandboxed frame has no origin; that it is the frame it says is seen by its window.
    if (v !== 1 || type !== 'height' || !(height > 0) || (origin !== new URL(home).origin && origin !== 'null')) return;
    for (const frame of frames()) {
      if (frame.contentWindow === source) frame.style.height = `${Math.min(height, 5000)}px`;
    }
  });
  // Those that were there first have told it already, to nobody.
  for (const frame of frames()) frame.contentWindow.postMessage({ sawt: { v: 1, type: 'ask' } }, '*');
}
