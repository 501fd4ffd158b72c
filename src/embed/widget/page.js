// The poll in the page itself, alone or in a frame.

import { device } from './device.js';
import { showing } from './kinds.js';
import { HOME } from './service.js';
import { dress } from './style.js';
import { SECOND, jitter } from './time.js';

export async function page(root) {
  const { Kind, style } = await showing(root);
  // Its own style sheet may not have come: a replica of another version has another.
  if (!getComputedStyle(root).getPropertyValue('--radius')) dress(document, style);
  const poll = new Kind(root, { from: HOME, kept: device });
  // The address outlives a reload, also of a frame that may keep nothing.
  poll.onReshape = (edit) => {
    const { hash } = location;
    const asked = `&${edit};`;
    if (hash.includes(asked)) return;
    location.replace((hash || '#') + asked);
    setTimeout(() => location.reload(), jitter(5 * SECOND));
  };
  poll.start();
  if (parent === window) return;
  // WordPress gave the frame a secret to say its height with.
  const [, secret] = /secret=(\w+)/.exec(location.hash) ?? [];
  const tell = () => {
    const height = Math.ceil(document.body.getBoundingClientRect().height);
    // A frame that is not displayed has none.
    if (!height) return;
    parent.postMessage({ sawt: { v: 1, type: 'height', height } }, '*');
    if (secret) parent.postMessage({ message: 'height', value: height, secret }, '*');
  };
  new ResizeObserver(tell).observe(document.body);
  // Who began to listen after that asks; WordPress does not, and is told again.
  addEventListener('message', ({ source, data }) => source === parent && data?.sawt?.type === 'ask' && tell());
  if (secret) setTimeout(tell, SECOND);
}
