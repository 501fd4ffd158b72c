// A rating: its mean in words and in stars, and what its ends mean.

import style from './rating.css';

export { style };

// The main script brings `Poll`, so that this file holds nothing twice.
export const of = (Poll) =>
  class extends Poll {
    get #high() {
      return Number(this.root.dataset.high);
    }

    // As `RatingView` in rating.rs and `longest_bar` in page/rows.rs.
    draw(tally) {
      if (!this.draws(tally)) return;
      super.draw(tally);
      const { sum, ballots, options } = tally;
      const inParts = (parts) => Math.round((sum * parts) / ballots) || 0;
      const said = this.words.average.replace('{n}', this.tenths(inParts(10))).replace('{max}', this.number(this.#high));
      this.$('.sawt-average').textContent = ballots ? said : '';
      for (const [place, star] of this.$$('.sawt-star svg').entries())
        star.setAttribute('width', `${Math.min(2, Math.max(0, inParts(2) - 2 * place)) * 50}%`);
      if (this.#high < 10) return;
      // Bars stand upright, and the longest is full.
      const longest = Math.max(1, ...options.map(({ votes }) => votes));
      for (const { id, votes } of options) {
        const bar = this.result(id)?.querySelector('svg');
        bar?.setAttribute('width', '100%');
        bar?.setAttribute('height', `${Math.floor((votes * 1000) / longest) / 10}%`);
      }
    }

    edited(poll) {
      const { high, low_label: low, high_label: top } = poll.scale;
      // Other steps: the page says what they are.
      if (high !== this.#high) return;
      for (const [place, end] of this.$$('.sawt-ends span').entries()) this.word(end, [low, top][place] ?? '');
    }

    // The steps are numbers, which are said in the reader's own words.
    reword() {}
  };
