// A poll of emoji or words: one is pressed to choose it, pressed again to take it back, and another to change. What the reader
// wants is shown at once, and counted with; what the service answers has the last word.

import style from './reaction.css';

export { style };

// The main script brings `Poll`, so that this file holds nothing twice.
export const of = (Poll) =>
  class extends Poll {
    // What the reader wants, until that is on record or refused: an option, or '' for none.
    #wish;
    // The counts that were drawn last, where they are exact: others have no place yet for what this reader wants. And a
    // tally that came while a ballot was on its way.
    #drawn;
    #held;

    constructor(root, options) {
      super(root, options);
      // The page has them if they are exact.
      const counted = this.inputs.map(({ value, dataset }) => ({ id: value, votes: Number(dataset.votes) }));
      if ('votes' in this.inputs[0].dataset) this.#drawn = { options: counted, ballots: counted.reduce((sum, { votes }) => sum + votes, 0) };
      this.$('form').addEventListener('click', (event) => {
        const pressed = event.target.closest('[name=choices]')?.value;
        if (pressed === undefined) return;
        event.preventDefault();
        this.send(pressed === (this.#wish ?? this.#mine) ? undefined : [pressed]);
      });
    }

    get #mine() {
      return this.choices?.[0] ?? '';
    }

    // One ballot is on its way at a time; whoever presses meanwhile is heard when that is answered.
    async send(choices) {
      this.#wish = choices?.[0] ?? '';
      this.#mark();
      // What is sent at the next visit is what they wanted last.
      if (this.busy) this.keep(this.#wish && [this.#wish]);
      while (!this.busy && !this.stopped && this.#wish !== undefined) {
        const [wish, mine, drawn] = [this.#wish, this.#mine, this.#drawn];
        if (wish !== mine) await super.send(wish ? [wish] : undefined);
        if (wish === this.#wish) this.#wish = undefined;
        // A withdrawal is answered without a tally; the stream brings it, but not at once.
        if (drawn && drawn === this.#drawn) this.#drawn = moved(drawn, mine, this.#mine);
        this.#mark();
      }
    }

    // The stream may tell of the ballot before its answer does, or not yet. So while one is on its way counts stand still.
    draw(tally) {
      if (!this.draws(tally)) return;
      if (this.busy) {
        this.#held = tally;
        return;
      }
      super.draw(tally);
      const { display, options } = tally;
      this.#drawn = display ? undefined : tally;
      for (const { id, votes, share } of options) {
        const said = this.inputs.find(({ value }) => value === id)?.querySelector('.sawt-votes');
        if (said) said.textContent = display === 'percent' ? this.percent(Math.round(share * 1000)) : this.number(votes);
      }
      this.#mark();
    }

    // One ballot after the other.
    takes() {
      return this.state === 'open';
    }

    settle() {
      super.settle();
      if (this.busy) return;
      if (!this.tally) this.#drawn = undefined;
      const held = this.#held;
      this.#held = undefined;
      this.draw(held);
      this.#mark();
    }

    // Nothing is said of a ballot that is quick, and nobody is kept from pressing something else.
    show(state, said) {
      if (state === 'sending' && !this.isLate) return;
      const { activeElement } = this.root.getRootNode();
      super.show(state, said);
      this.root.querySelector('fieldset').disabled = false;
      if (activeElement?.closest('fieldset')) activeElement.focus({ preventScroll: true });
    }

    // What is pressed is the result, too.
    reword({ emoji, label }, button) {
      button.querySelector('.sawt-emoji').textContent = emoji ?? '';
      this.word(button.querySelector('.sawt-label'), label);
    }

    // The focus stays on what was pressed.
    focusAnswer() {}

    // What is not exact stays as it was drawn.
    #mark() {
      const wish = this.#wish ?? this.#mine;
      for (const button of this.inputs) button.setAttribute('aria-pressed', button.value === wish);
      if (this.tally && !this.#drawn) return;
      const { options, ballots } = this.#drawn ? moved(this.#drawn, this.#mine, wish) : {};
      for (const button of this.inputs) {
        const votes = options?.find(({ id }) => id === button.value)?.votes;
        button.querySelector('.sawt-votes').textContent = votes === undefined ? '' : this.number(votes);
      }
      this.$('.sawt-total').textContent = options ? this.count('votes', ballots) : '';
    }
  };

// Counts as they are when a ballot goes from one option to another; '' stands for no ballot.
const moved = ({ options, ballots }, from, to) => ({
  options: options.map(({ id, votes }) => ({ id, votes: votes + (id === to) - (id === from) })),
  ballots: ballots + (to !== '') - (from !== ''),
});
