// The poll in the page itself, alone or in a frame.

import { device } from './device.js';
import { bring, showing } from './kinds.js';
import { HOME } from './home.js';
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
  if (parent !== window) bring('frames').then(({ tell }) => tell());
}
