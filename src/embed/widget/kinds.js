// What not every page needs is a file of its own, which is fetched where it is needed and not before: what shows a poll by
// its kind, by whether answers are right or wrong in it, by whether it takes readers' own words, and by what an editor has
// decided of it (a class, and a style beside that of all polls); what serves frames; and what follows a place.

import { Poll } from './poll.js';
import { pause, sleep } from './time.js';

// Beside this script, whatever base address that came from.
const FILES = { quiz: './SAWT_QUIZ', open: './SAWT_WORDS', decided: './SAWT_DECIDED', rating: './SAWT_RATING', reaction: './SAWT_REACTION', ranked: './SAWT_RANKED', frames: './SAWT_FRAMES', place: './SAWT_PLACE', article: './SAWT_ARTICLE' };

// A file, as soon as it comes; nothing if there is none of this name. A browser may keep that a file did not come, so it is
// asked for under another address.
export async function bring(name) {
  const file = FILES[name];
  for (let tries = 0; file; tries += 1) {
    try {
      return await import(file + (tries ? `?${tries}` : ''));
    } catch {
      await sleep(pause(tries));
    }
  }
}

// Each goes around those before it.
export async function showing({ dataset }) {
  const names = ['article' in dataset && 'article', dataset.view ?? dataset.kind, 'decided' in dataset && 'decided'];
  const files = (await Promise.all(names.map(bring))).filter(Boolean);
  return { Kind: files.reduce((Kind, file) => file.of(Kind), Poll), style: files.map(({ style }) => style).join('') };
}
