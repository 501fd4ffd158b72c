// A poll in which an answer is right or wrong: a question of a quiz, told to who has voted, or a prediction that is resolved.

import style from './quiz.css';

export { style };

// The main script brings `Poll`, so that this file holds nothing twice.
export const of = (Poll) =>
  class extends Poll {
    // What is right: of a quiz, `quiz` says once there is a vote; of a prediction, the page. As `verdict` in verdict.rs.
    judge({ quiz }) {
      const right = quiz?.correct ?? this.root.dataset.resolved;
      const input = this.inputs.find(({ value }) => value === right);
      if (!input || !this.choices) return;
      const texts = this.words.verdict;
      this.isRight = this.choices.includes(right);
      const text = this.isRight ? texts.right : texts.wrong;
      this.$('.sawt-verdict').textContent = text.replace('{option}', () => input.nextElementSibling.textContent);
      this.result(right).querySelector('.sawt-right').textContent = texts.mark;
      if (quiz) this.word(this.$('.sawt-why'), quiz.explanation ?? '');
    }
  };
