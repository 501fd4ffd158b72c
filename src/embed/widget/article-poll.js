// An article's poll. It is voted in by the name of its article, and made with its first ballot: until then there is no
// stream of it, and its page says revision 0.

import { SECOND, jitter, sleep } from './time.js';

export const of = (Poll) =>
  class extends Poll {
    at(path) {
      const [address, query = ''] = this.root.dataset.article.split(/(?=\?)/);
      return address + path + query;
    }

    get #isMade() {
      return this.root.dataset.revision > 0;
    }

    // Until it is made, by this reader or another, it is asked for every so often.
    async follow() {
      while (!this.#isMade && !this.stopped) {
        await sleep(jitter(30 * SECOND));
        if (!this.#isMade && !document.hidden) await this.#look();
      }
      if (this.isFollowed) return;
      this.isFollowed = true;
      super.follow();
    }

    async #look() {
      try {
        const answer = await fetch(this.from + this.at(''), { credentials: 'omit', signal: AbortSignal.timeout(15 * SECOND) });
        const { id, revision } = await answer.json();
        if (id === this.id && revision > 0) this.root.dataset.revision = revision;
      } catch {
        // Not this time.
      }
    }

    // Whoever draws votes knows that it is made.
    draw(tally) {
      super.draw(tally);
      if (this.#isMade || !tally.ballots) return;
      this.root.dataset.revision = 1;
      this.follow();
    }

    // A replica may not know yet that it was made.
    hear(name, data) {
      if (name !== 'gone') super.hear(name, data);
    }
  };
