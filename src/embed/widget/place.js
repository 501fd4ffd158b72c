// Whose turn it is in a place: the poll there gives way to the next at the minute, in a page that was kept for hours.
//
// Fetched where a place is, beside the script that shows polls; and by a place's own page, whose frame shows nothing else.

import { tell } from './frames.js';
import { HOME } from './home.js';
import { ask } from './service.js';
import { SECOND, jitter, sleep } from './time.js';

// After so long it is asked anyhow: an editor may have changed the calendar, and a device's clock may be wrong.
const MOST = 600 * SECOND;
// And no sooner than this.
const LEAST = 10 * SECOND;
// How long a reader looks at what became of their vote.
const LOOK = 20 * SECOND;

// Waits for a moment by the device's clock, until somebody looks. A timer stands still with the device, so it looks at the
// clock in between.
const arrives = (root, moment) =>
  new Promise((done) => {
    let timer;
    const look = () => {
      clearTimeout(timer);
      const left = moment - Date.now();
      if (root.isConnected && (left > 0 || document.hidden)) {
        if (left > 0) timer = setTimeout(look, Math.min(left, 60 * SECOND));
        return;
      }
      document.removeEventListener('visibilitychange', look);
      done();
    };
    document.addEventListener('visibilitychange', look);
    look();
  });

// Whether a reader has begun to answer and has not voted yet, or what they sent is on its way. A poll that closes takes no
// answer any more.
const isAnswering = (root) => {
  const { state } = root.dataset;
  const isBegun = ({ type, checked, value }) => (type === 'text' ? value : checked);
  const isSending = root.querySelector('.sawt-vote[aria-disabled]');
  return isSending || (state === 'open' && [...root.querySelectorAll('form input')].some(isBegun));
};

// Lets a reader finish. Who has begun and forgotten it keeps the poll for a while.
async function finished(root) {
  const begun = Date.now();
  let wasAnswering = false;
  while (root.isConnected && isAnswering(root) && Date.now() - begun < MOST) {
    wasAnswering = true;
    await sleep(SECOND);
  }
  if (wasAnswering) await sleep(LOOK);
}

// Who was in the poll before is in this one.
const focusIn = (shadow) =>
  (shadow.querySelector('form input:enabled') ?? shadow.querySelector('.sawt-results'))?.focus({ preventScroll: true });

const isStanding = ({ poll, until }) => poll !== undefined && (until === null || Date.parse(until) > 0);

// Follows a place from what stands there now. What is to come is put there by the widget's `load`, which is told
// what makes it another.
export async function follow(root, widget) {
  const { host } = root.getRootNode();
  const { place, poll = null } = root.dataset;
  let { until } = root.dataset;
  // Nothing stands there: then there is no gap either.
  if (host && !poll) host.hidden = true;
  for (;;) {
    const left = until ? Date.parse(until) - Date.now() + jitter(4 * SECOND) : MOST;
    await arrives(root, Date.now() + Math.min(Math.max(left, jitter(LEAST)), jitter(MOST)));
    if (!root.isConnected) return;
    // What the browser has kept of the last answer may be the one that has just changed.
    const { code, body } = await ask(HOME, place, { is: isStanding, cache: 'no-cache' });
    const now = code === 'not-found' ? { poll: null, until: null } : !code && body;
    if (!now) continue;
    until = now.until;
    if (now.poll === poll) continue;
    await finished(root);
    if (!root.isConnected) return;
    if (host && !poll) host.hidden = false;
    const hadFocus = root.contains(root.getRootNode().activeElement);
    await widget.load(`${now.poll}`.padEnd(36) + until);
    if (host && hadFocus) focusIn(host.shadowRoot);
    return;
  }
}

// In its own page, alone or in a frame.
const own = document.querySelector('.sawt-page .sawt[data-place]');
if (own) {
  follow(own, { load: () => location.reload() });
  // A frame in which nothing stands takes no room.
  if (parent !== window && !own.dataset.poll) tell(true);
}
