// An article's poll. It is voted in by the name of its article, and made with its first ballot: until then there is no
// stream of it, and its page says revision 0, and the mark that a first vote brings.

import { here, isAddress, named } from './here.js';
import { seen, shareMarks, view } from './sight.js';
import { SECOND, jitter, sleep } from './time.js';

shareMarks();

export const of = (Poll) =>
  class extends Poll {
    #isTold;

    at(path) {
      const [address, query = ''] = this.root.dataset.article.split(/(?=\?)/);
      return address + path + (path.includes('?') ? query.replace('?', '&') : query);
    }

    get #isMade() {
      return this.root.dataset.revision > 0;
    }

    // Until it is made, by this reader or another, it is asked for every so often.
    async follow() {
      if (!this.#isTold) {
        this.#isTold = true;
        // As a stream would bring it.
        const { mark } = this.root.dataset;
        if (mark) this.hear('mark', { mark });
        seen(this.root).then(() => this.stopped || this.#tellArticle());
      }
      while (!this.#isMade && !this.stopped) {
        await sleep(jitter(30 * SECOND));
        if (!this.#isMade && !document.hidden) await this.#look();
      }
      if (this.isFollowed) return;
      this.isFollowed = true;
      super.follow();
    }

    // The article is seen once in a page, whatever of it stands there: it is named as `<sawt-view>` would name it. The
    // poll's own view is told once there is a poll.
    #tellArticle() {
      const [, site, id, url] = /^\/v1\/sites\/([^/]+)\/articles\/([^/]+)\/[^?]+(?:\?url=(.*))?$/.exec(this.root.dataset.article);
      const host = this.root.getRootNode().host?.closest('sawt-reactions, sawt-rating');
      const asked = host ? host.getAttribute('article')?.trim() || here() : url ? decodeURIComponent(url) : id;
      view(this.from, named({ site, [isAddress(asked) ? 'url' : 'article']: asked }));
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

    // One that went may come again, and a replica may not know yet that it was made: it is asked for as before that.
    hear(name, data) {
      if (name !== 'gone') {
        super.hear(name, data);
        return;
      }
      this.stop();
      this.stopped = this.isFollowed = false;
      this.root.dataset.revision = 0;
      this.follow();
    }
  };
