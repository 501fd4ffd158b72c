// What not every page needs is a file of its own, which is fetched where it is needed and not before: what shows a poll by
// its kind, by whether answers are right or wrong in it, by whether it takes readers' own words, by what an editor has decided
// of it, and by whether it is one of a series (a class, and a style beside that of all polls); what an edit changes; what reads tallies where no stream
// brings them; what serves frames; what follows a place; what does the work that a poll asks new voters for; what says a
// page's own words; and what says that a ballot is recorded.

import { Poll } from './poll.js';
import { pause, sleep } from './time.js';

const FILES = /^(edit|words|reading|multiple|rating|reaction|ranked|quiz|open|decided|frames|place|series|article-poll|receipt|work)$/;
// Beside this script, whatever base address that came from, and by the same hash.
const HASH = /\.\w+\.js(?!.*\/)/.exec(import.meta.url);

// A file, as soon as it comes; nothing if there is none of this name. A browser may keep that a file did not come, so it is
// asked for under another address.
export async function bring(name) {
  const file = `./${name}${HASH}`;
  for (let tries = 0; FILES.test(name); tries += 1) {
    try {
      return await import(file + (tries ? `?${tries}` : ''));
    } catch {
      await sleep(pause(tries));
    }
  }
}

// Each goes around those before it.
export async function showing({ dataset }, ...more) {
  const names = ['article' in dataset && 'article-poll', dataset.kind, dataset.view, 'decided' in dataset && 'decided', 'work' in dataset && 'work', ...more];
  const files = (await Promise.all(names.map(bring))).filter(Boolean);
  return { Kind: files.reduce((Kind, file) => file.of(Kind), Poll), style: files.map(({ style }) => style).join('') };
}
