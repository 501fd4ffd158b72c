// What editors decide of a poll beside its question and options, where they do: how exact its tally is shown, who stands behind
// it, pictures beside options, their order, and what follows a vote. It goes around whatever the poll's kind brings.

import style from './decided.css';

export { style };

const VOTER = 'sawt.voter';
const NONCE = 'sawt.nonce';

// Who a reader is, for the order of the options alone: by their token, or by the nonce that they will vote with. Such a poll
// keeps the nonce on the device before the vote, or a reload would show another order.
function seedOf(kept) {
  // A token begins with its key and the voter, who stay when it is renewed.
  const voter = kept.get(VOTER)?.slice(0, 24);
  if (!voter && !kept.get(NONCE)) {
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    kept.set(NONCE, btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').slice(0, 22));
  }
  return voter ?? kept.get(NONCE);
}

// FNV-1a.
function hash(text) {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ character.codePointAt(), 0x01000193);
  return hash >>> 0;
}

// Puts the options into this reader's order; "something else" stays the last.
function shuffle(root, kept) {
  if (!('shuffle' in root.dataset)) return;
  const seed = seedOf(kept) + root.dataset.poll;
  const set = root.querySelector('fieldset');
  const words = set.querySelector('.sawt-words');
  const place = ({ value }) => (words && value === 'other' ? Infinity : hash(seed + value));
  const inputs = [...set.querySelectorAll('[name=choices]')];
  const sorted = inputs.toSorted?.((one, other) => place(one) - place(other)) ?? inputs.slice().sort((one, other) => place(one) - place(other));
  set.append(...sorted.map((input) => input.closest('.sawt-option')));
  if (words) set.append(words);
}

const isWeb = (address) => /^https?:\/\//i.test(address ?? '');

export const of = (Kind) =>
  class extends Kind {
    constructor(root, options) {
      // Before the kind looks at them.
      shuffle(root, options.kept);
      super(root, options);
      this.#showPictures();
      this.#link(options.series);
      for (const time of this.$$('.sawt-reworded time')) time.replaceWith(this.time(time.dateTime));
    }

    // The page's markup has none: pictures are no part of what a publisher's page takes over unseen.
    #showPictures() {
      for (const place of this.$$('.sawt-image')) {
        const { src, alt } = place.dataset;
        if (!/^https:/i.test(src)) continue;
        const picture = document.createElement('img');
        Object.assign(picture, { alt, decoding: 'async', loading: 'lazy', referrerPolicy: 'no-referrer', src });
        place.replaceChildren(picture);
      }
    }

    // Where a reader may go after their vote.
    #link(series) {
      const link = this.$('.sawt-onward');
      const { to } = link?.dataset ?? {};
      if (link && isWeb(to)) Object.assign(link, { href: to, target: '_blank', rel: 'noopener' });
      this.$('.sawt-then')?.addEventListener('click', ({ currentTarget: { dataset } }) => {
        if (series?.next) this.#showNext(series, dataset.next);
        else location.assign(`${this.from}/embed/${dataset.next}${location.search}`);
      });
    }

    // In the place of this one. The reader who pressed the button goes on reading there.
    #showNext(series, next) {
      const shadow = this.root.getRootNode();
      series.polls[series.place] = next;
      const watch = new MutationObserver(() => {
        const question = shadow.querySelector(`.sawt[data-poll="${CSS.escape(next)}"] .sawt-question`);
        if (!question) return;
        watch.disconnect();
        question.tabIndex = -1;
        question.focus({ preventScroll: true });
      });
      watch.observe(shadow, { childList: true });
      series.next();
    }

    get #few() {
      return this.words.decided.few;
    }

    // In percent there are no votes: a hundred ballots stand for all.
    draw(tally) {
      if (!tally || this.isOlder(tally)) return;
      const isPercent = tally.display === 'percent';
      // One that is drawn again, since it came too soon, was turned into such already.
      const { ballots, ballots_under: under, told = ballots } = tally;
      let shown = tally;
      if (isPercent) {
        const options = tally.options.map((option) => ({ ...option, votes: Math.round(option.share * 100) }));
        const sum = options.reduce((sum, { id, votes }) => sum + id * votes, 0);
        shown = { ...tally, options, sum, told, ballots: ballots && 100 };
      }
      super.draw(shown);
      if (isPercent) {
        for (const votes of this.$$('.sawt-results .sawt-votes')) votes.textContent = '';
        const { kind } = this.root.dataset;
        const counted = this.count(kind === 'multiple' || kind === 'ranked' ? 'voters' : 'votes', under ?? told);
        const { at_least, fewer_than } = this.words.decided;
        // Below that nothing was rounded.
        const said = under ? fewer_than : told < 100 ? '{n}' : at_least;
        this.$('.sawt-total').textContent = said.replace('{n}', counted);
      }
      const disputed = this.$('.sawt-disputed');
      // A replica of a version before has none in its page.
      if (disputed) disputed.hidden = !tally.disputed;
      this.#tell();
    }

    settle() {
      super.settle();
      this.root.toggleAttribute('data-few', !!this.#few && !this.tally);
      const after = this.$('.sawt-after');
      if (after) after.hidden = !this.choices || !!this.changing;
      this.#tell();
    }

    // As `note` in page/said.rs: why there are no results yet.
    note(shown) {
      super.note(shown);
      const isHidden = this.#few && !this.tally && (this.policy === 'always' || this.policy === 'after_vote');
      if (!isHidden || shown === 'gone' || shown === 'scheduled') return;
      const note = this.$('.sawt-note');
      if (this.state === 'closed') note.lastChild.data = this.#few;
      else if (this.policy === 'always' || shown !== 'open') note.prepend(this.#few, ' ');
    }

    // What a page says of an edit beside the words of question and labels.
    edited(poll) {
      super.edited?.(poll);
      shuffle(this.root, this.kept);
      this.onReshape?.(poll.id + poll.revision);
    }

    // The disclosure says how many have voted, as the total does.
    #tell() {
      const told = this.$('.sawt-disclosed');
      if (told) told.textContent = this.$('.sawt-total').textContent;
    }
  };
