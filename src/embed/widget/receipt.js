// That a reader's ballot is recorded in a poll that has closed, for one who comes back to it: a line, and a file to check it by.

import { askOn } from './service.js';

const RECORDED = SAWT_RECORDED;

export async function show(poll, body) {
  const is = ({ receipt }) => receipt === null || receipt?.proof;
  const options = { method: 'POST', body, is };
  const { code, body: told } = await askOn(poll.from, poll.at('/votes/mine?proof'), options, () => !poll.stopped);
  if (code || !told?.receipt || poll.stopped) return;
  const link = document.createElement('a');
  const file = new Blob([JSON.stringify(told.receipt)], { type: 'application/json' });
  Object.assign(link, { href: URL.createObjectURL(file), download: `${poll.id}.receipt.json`, textContent: RECORDED[poll.root.lang] });
  const line = document.createElement('p');
  line.className = 'sawt-recorded';
  line.part = 'recorded';
  line.append(link);
  poll.$('.sawt-note').after(line);
}
