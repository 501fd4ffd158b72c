// What shows a poll, by its kind, and by whether answers are right or wrong in it: a class, and a style beside that of all polls. What not every poll needs is a file of its
// own, which is fetched where such a poll stands and not before.

import { Poll } from './poll.js';
import { pause, sleep } from './time.js';

// Beside this script, whatever base address that came from.
const FILES = { rating: './SAWT_RATING', reaction: './SAWT_REACTION', quiz: './SAWT_QUIZ' };

export async function showing({ dataset }) {
  const file = FILES['judged' in dataset ? 'quiz' : dataset.kind];
  // A browser may keep that a file did not come, so it is asked for under another address.
  for (let tries = 0; file; tries += 1) {
    try {
      const { of, style } = await import(file + (tries ? `?${tries}` : ''));
      return { Kind: of(Poll), style };
    } catch {
      await sleep(pause(tries));
    }
  }
  return { Kind: Poll };
}
