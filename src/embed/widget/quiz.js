// A poll in which an answer is right or wrong: a question of a quiz, told to who has voted, or a prediction that is resolved.
// And the questions of a series, one after another in one place: the score at the end is the reader's own, counted here from
// their ballots at each visit, and told to nobody.

import style from './quiz.css';

export { style };

// The main script brings `Poll`, so that this file holds nothing twice.
export const of = (Poll) =>
  class extends Poll {
    #series;
    #said;
    #onward;

    constructor(root, options) {
      super(root, options);
      const { series } = options;
      if (series?.polls.length > 1 && this.words.verdict.series) this.#join(series);
    }

    // What is right: of a quiz, `quiz` says once there is a vote; of a prediction, the page. As `verdict` in verdict.rs.
    judge({ quiz }) {
      const right = quiz?.correct ?? this.root.dataset.resolved;
      const input = this.inputs.find(({ value }) => value === right);
      if (!input || !this.choices) return;
      const texts = this.words.verdict;
      const isRight = this.choices.includes(right);
      if (isRight) this.#series?.right.add(this.id);
      const text = isRight ? texts.right : texts.wrong;
      this.$('.sawt-verdict').textContent = text.replace('{option}', input.nextElementSibling.textContent);
      this.result(right).querySelector('.sawt-right').textContent = texts.mark;
      if (quiz) this.word(this.$('.sawt-why'), quiz.explanation ?? '');
    }

    settle() {
      super.settle();
      if (!this.#series) return;
      const { polls, place, right } = this.#series;
      const { score, place: placed } = this.words.verdict.series;
      const fill = (text, n) => text.replace('{n}', this.number(n)).replace('{of}', this.number(polls.length));
      // Who can't answer may go on as well.
      const isDone = this.choices || this.state !== 'open';
      const isLast = place + 1 === polls.length;
      this.#onward.hidden = !isDone || isLast;
      this.#said.textContent = isDone && isLast ? fill(score, right.size) : fill(placed, place + 1);
    }

    // Puts its place, and the way on, below the question.
    #join(series) {
      this.#series = series;
      const bar = document.createElement('div');
      bar.className = 'sawt-actions sawt-series';
      this.#said = document.createElement('span');
      this.#said.setAttribute('role', 'status');
      const onward = (this.#onward = document.createElement('button'));
      Object.assign(onward, { className: 'sawt-next', type: 'button', textContent: this.words.verdict.series.next });
      onward.addEventListener('click', () => {
        series.place += 1;
        series.hasMoved = true;
        series.next();
      });
      bar.append(this.#said, onward);
      this.root.append(bar);
      // The reader who pressed the button goes on reading there.
      if (!series.hasMoved) return;
      const question = this.$('.sawt-question');
      question.tabIndex = -1;
      question.focus({ preventScroll: true });
    }
  };
