// Tallies that no stream brings: where streams don't come through, where a page shows more polls than one stream takes, and in
// frames that may hold none.

// The main script brings how to ask, so that this file holds nothing twice. Returns whether all of them were answered.
export async function read(from, ids, { ask, as, most, voter, signal, pass }) {
  const is = ({ results }) => Array.isArray(results);
  const { code, body } = await ask(from, `/v1/results?polls=${ids.slice(0, most)}`, { signal, ...as(voter), is });
  if (code || !body) return false;
  for (const result of body.results) {
    if (result.options) pass('tally', result);
    else if (result.code === 'not-found') pass('gone', result);
    else {
      const is = ({ id, options }) => id === result.poll && options;
      const { code, body } = await ask(from, `/v1/polls/${result.poll}`, { signal, is });
      if (body && !code) pass('poll', body);
    }
  }
  return ids.length > most ? read(from, ids.slice(most), { ask, as, most, voter, signal, pass }) : true;
}
