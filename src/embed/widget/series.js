// The polls of a series, one after another in one place, whatever they are. Where some are questions of a quiz there is a score
// at the end: it is the reader's own, counted here from their ballots at each visit, and told to nobody.

import style from './series.css';

export { style };

const NEXT = SAWT_NEXT_QUESTION;
const PLACE = SAWT_QUESTION_OF;
const SCORE = SAWT_SCORE;

// The main script brings `Poll`, so that this file holds nothing twice.
export const of = (Poll) =>
  class extends Poll {
    #series;
    #said;
    #onward;
    // Whether the ballot of a reader who comes back is on its way.
    #isAwaited;

    constructor(root, options) {
      super(root, options);
      const { series } = options;
      this.#series = series;
      // The questions that were met, and those that were answered rightly.
      series.asked ??= new Set();
      series.right ??= new Set();
      if (this.#isQuestion) series.asked.add(this.id);
      this.#join();
    }

    // A prediction is none.
    get #isQuestion() {
      const { view, resolved } = this.root.dataset;
      return view === 'quiz' && resolved === undefined;
    }

    async start() {
      this.#isAwaited = `${this.kept.get('sawt.voter')}`.split(' ').includes(this.id);
      await super.start();
      this.#isAwaited = false;
      if (!this.stopped) this.settle();
    }

    settle() {
      super.settle();
      const { polls, place, asked, right } = this.#series;
      const { lang } = this;
      const fill = (text, n, of) => text.replace('{n}', this.number(n)).replace('{of}', this.number(of));
      if (this.isRight && this.#isQuestion) right.add(this.id);
      // Who can't answer may go on as well.
      const isDone = this.choices || (this.state !== 'open' && !this.#isAwaited);
      const isLast = place + 1 >= polls.length;
      this.#onward.hidden = !isDone || isLast;
      const isOver = isDone && isLast && asked.size;
      this.#said.textContent = isOver ? fill(SCORE[lang], right.size, asked.size) : fill(PLACE[lang], place + 1, polls.length);
    }

    // Puts its place, and the way on, below the question.
    #join() {
      const series = this.#series;
      const bar = document.createElement('div');
      bar.className = 'sawt-actions sawt-series';
      this.#said = document.createElement('span');
      this.#said.setAttribute('role', 'status');
      const onward = (this.#onward = document.createElement('button'));
      Object.assign(onward, { className: 'sawt-next', type: 'button', textContent: NEXT[this.lang] });
      onward.addEventListener('click', () => {
        series.place += 1;
        series.hasMoved = true;
        series.next();
      });
      bar.append(this.#said, onward);
      this.root.append(bar);
      // The reader who pressed the button goes on reading there.
      if (!series.hasMoved) return;
      series.hasMoved = false;
      const question = this.$('.sawt-question');
      question.tabIndex = -1;
      question.focus({ preventScroll: true });
    }
  };
