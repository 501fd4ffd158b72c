// What has changed in a poll while its reader looks at it: words, or rules; and where to vote, if this page may not.

import { SECOND } from './time.js';

// Each poll, as it was told last, by its id.
const told = new Map();

const set = (dataset, name, value) => {
  if (value) dataset[name] = value;
  else delete dataset[name];
};

// Other options mean another poll: then the page says what it is now. It is asked once for each edit: a cache may go on with
// the page of before.
export function edit(shown, poll) {
  const { root } = shown;
  const { dataset } = root;
  // Another edit may have come first.
  if (poll.revision <= dataset.revision) return;
  dataset.revision = poll.revision;
  dataset.results = poll.results;
  root.toggleAttribute('data-changeable', poll.changeable);
  // An incident has been opened meanwhile: new voters may be asked for work.
  if (poll.proof_of_work) import(import.meta.url.replace(/edit(\.\w+\.js)/, 'work$1')).then(({ work }) => work(shown), () => {});
  set(dataset, 'opens', poll.opens_at);
  set(dataset, 'closes', poll.closes_at);
  shown.word(shown.$('.sawt-question'), poll.question);
  const isMoved = `${poll.options.map(({ id }) => id)}` !== `${shown.inputs.map(({ value }) => value)}`;
  for (const option of poll.options) {
    const input = shown.inputs.find((input) => input.value === option.id);
    const result = shown.result(option.id);
    if (!input || !result) continue;
    if (shown.reword) shown.reword(option, input, result);
    else for (const element of [input.nextElementSibling, result.querySelector('.sawt-label')]) shown.word(element, option.label);
    // In the order they come in now. What is moved loses the focus, so nothing is moved for nothing.
    if (isMoved && input !== result) shown.$('fieldset').append(input.parentElement);
    if (isMoved) result.parentElement.append(result);
  }
  const isBounded = poll.min_choices === +dataset.min && poll.max_choices === +dataset.max;
  if (!isBounded || poll.options.length !== shown.inputs.length || !poll.options.every(({ id }) => shown.result(id)))
    shown.onReshape?.(poll.id + poll.revision);
  else if (isNews(shown, poll)) later(shown, poll.id + poll.revision);
  shown.edited?.(poll);
}

// Whether the page has to say what is new. It says what came true, and what an editor has decided beside words and rules:
// `after_vote`, `disclosure`, `image`, `minimum_ballots`, `note`, `rewordings`, `shuffle`; and of a poll of which nothing was
// decided, how tallies are drawn that are not exact. Many revisions of a poll change nothing that readers see.
function isNews({ root, words }, poll) {
  const text = JSON.stringify({ ...poll, revision: 0, updated_at: 0 });
  const isTold = told.get(poll.id) === text;
  told.set(poll.id, text);
  if (isTold) return false;
  return poll.resolution?.option !== root.dataset.resolved || /"(af|disc|im|minim|note|rew|sh)/.test(text) || (!!poll.display && !words.decided);
}

// Not under the hands of a reader who is choosing.
function later(shown, edit) {
  if (shown.stopped) return;
  if (shown.state === 'open' && !shown.choices && shown.ticked.length) setTimeout(later, SECOND, shown, edit);
  else shown.onReshape?.(edit);
}

// A poll's own page takes the vote that this one may not send.
export function refused({ from, id, words, root }) {
  const link = document.createElement('a');
  Object.assign(link, { href: `${from}/embed/${id}`, target: '_blank', rel: 'noopener' });
  link.textContent = words.texts.open_page;
  root.querySelector('.sawt-note').replaceChildren(link);
}
