// A poll in which several options may be chosen: how many, and how many are.

import style from './multiple.css';
import { countTicks, wrongIn } from './ticks.js';

export { style };

// The main script brings `Poll`, so that this file holds nothing twice.
export const of = (Poll) =>
  class extends Poll {
    counted = 'voters';

    constructor(root, options) {
      super(root, options);
      const form = this.$('form');
      form.addEventListener('change', () => this.say(this.limit()));
      // Before a tick is there for good: one too many is taken back.
      form.addEventListener('click', (event) => {
        if (event.target.checked && this.ticked.length > root.dataset.max) event.preventDefault();
      });
    }

    // At the limit the other boxes can't be ticked; they stay within reach of the keyboard. Returns what to say of it.
    limit() {
      const { inputs, ticked } = this;
      const isFull = ticked.length >= this.root.dataset.max && ticked.length < inputs.length;
      for (const input of inputs) input.setAttribute('aria-disabled', isFull && !input.checked);
      return ticked.length ? countTicks(this, isFull ? 'ticked_all' : 'ticked') : '';
    }

    // Whoever chose two is in both.
    shares({ ballots, options }) {
      return options.map(({ votes }) => Math.round((votes * 1000) / ballots) || 0);
    }

    wrong() {
      return super.wrong() || wrongIn(this);
    }

    settle() {
      super.settle();
      this.limit();
    }
  };
