// A poll that takes readers' own words: a field below the option "something else". Whoever writes there has chosen that
// option; what is there goes with the vote only while it is chosen.

import style from './open.css';

export { style };

// What readers call characters, as the service counts them. Where a browser can't (Firefox before 125), code points: the
// service has the last word.
const counted = (text) => (globalThis.Intl?.Segmenter ? [...new Intl.Segmenter().segment(text)] : [...text]).length;

// As `is_refused` in text.rs, after white space was cleaned.
const REFUSED = /[\p{Cc}\u2028-\u202e]/u;

// The main script brings `Poll`, so that this file holds nothing twice.
export const of = (Poll) =>
  class extends Poll {
    #field;
    #isLeftOut;

    constructor(root, options) {
      super(root, options);
      this.#field = this.$('.sawt-text');
      this.#field.autocomplete = 'off';
      this.#field.addEventListener('input', () => {
        this.#other.checked = true;
        this.say(this.limit?.() ?? '');
        this.#count();
      });
      // A press of Enter there is one of the button.
      this.#field.addEventListener('keydown', (event) => {
        if (event.key !== 'Enter' || event.isComposing) return;
        event.preventDefault();
        this.submit();
      });
    }

    get #other() {
      return this.inputs.find(({ value }) => value === 'other');
    }

    // As `OpenAnswer::check` in open_answer.rs cleans it.
    get #text() {
      return this.#field.value.trim().replace(/\s+/g, ' ');
    }

    get #left() {
      return this.words.open.most - counted(this.#text);
    }

    #fill(text) {
      return this.words.open[text].replace('{max}', this.number(this.words.open.most));
    }

    // What was on its way when the page was left.
    start() {
      const { open_answer: text } = JSON.parse(this.kept.get(this.pendingName) ?? '{}');
      if (text) this.#field.value = text;
      return super.start();
    }

    submit() {
      const wrong = this.#left < 0 ? 'too_long' : REFUSED.test(this.#text) && 'otherwise';
      if (this.#other.checked && wrong) {
        this.say(this.#fill(wrong));
        this.#field.focus({ preventScroll: true });
        return;
      }
      super.submit();
    }

    send(choices) {
      const text = choices?.includes('other') && this.#text;
      if (text) choices.said = `,"open_answer":${JSON.stringify(text)}`;
      return super.send(choices);
    }

    // Nothing is right or wrong here. But words may have come too late to be kept, and then that is said of the vote.
    judge({ open_answer: words }) {
      this.#isLeftOut = words?.is_kept === false;
      // What was said elsewhere, or before the page was left.
      if (words && !this.#field.value) this.#field.value = words.text;
    }

    say(text) {
      super.say(text && this.#isLeftOut ? this.words.open.left_out : text);
      this.#isLeftOut = false;
    }

    // Whoever changes their vote finds their words again.
    settle() {
      super.settle();
      this.#count();
    }

    // The field stays below its option, wherever that goes.
    edited() {
      this.#other?.parentElement.after(this.$('.sawt-words'));
    }

    #count() {
      const [field, left] = [this.#field, this.#left];
      // An empty one runs as the poll does.
      field.dir = field.value ? 'auto' : this.root.dir;
      const said = this.$('.sawt-left');
      // That it is too long is said once, when it is sent.
      said.textContent = field.value ? this.count('left', Math.max(0, left)) : '';
      said.toggleAttribute('data-over', left < 0);
      field.setAttribute('aria-invalid', left < 0);
    }
  };
