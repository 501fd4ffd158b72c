// How many options are chosen, of how many that may be: for the files of those kinds where that is more than one.

// A text that says so.
export const countTicks = (poll, text) => {
  const numbers = { n: poll.ticked.length, ...poll.root.dataset };
  return poll.words.texts[text].replace(/{(\w+)}/g, (_, name) => poll.number(numbers[name]));
};

// What to say if they are too few or too many.
export const wrongIn = (poll) => {
  const { min, max } = poll.root.dataset;
  const { length } = poll.ticked;
  if (length < min) return countTicks(poll, 'too_few');
  return length > max ? countTicks(poll, 'too_many') : '';
};
