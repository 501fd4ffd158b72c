// The work that a poll asks of a new voter while something suspect goes on: a challenge of the service (ALTCHA's, version 2),
// solved before the vote is sent. If it can't be solved, the vote goes without: it counts, and has a label.

import { SECOND, now, sleep } from './time.js';

const WORKING = SAWT_WORKING;

// How long a reader waits for it, and how long it is good: the service lets it expire a minute later.
const PATIENCE = 15 * SECOND;
const GOOD_FOR = 540 * SECOND;
// How long this page is busy at a time, where no worker can be.
const SLICE = 20;

export const of = (Poll) =>
  class extends Poll {
    constructor(...args) {
      super(...args);
      work(this);
    }
  };

// Lets a poll do it from now on, also one that is shown already.
export function work(shown) {
  if (Object.hasOwn(shown, 'beside')) return;
  shown.root.dataset.work = '';
  const others = shown.beside;
  // Whose it is, until when it is good, and what is sent of it.
  let whose;
  let until;
  let proof;
  shown.beside = async (named) => {
    // A replica of a version before takes neither a mark nor this.
    if (shown.mark === '') return '';
    if (whose !== named || now() > until) {
      whose = named;
      until = now() + GOOD_FOR;
      proof = prove(shown, named);
    }
    const proven = await proof;
    // What was not asked for, or did not come, may be there the next time.
    if (!proven) whose = undefined;
    return others.call(shown) + (proven && `,"proof_of_work":"${proven}"`);
  };
}

async function prove(shown, named) {
  try {
    const signal = AbortSignal.timeout(PATIENCE / 3);
    const options = { method: 'POST', body: `{"voter":${named}}`, credentials: 'omit', signal };
    const answer = await fetch(shown.from + shown.at('/challenge'), options);
    const challenge = answer.status === 200 && (await answer.json());
    if (challenge?.parameters?.algorithm !== 'SHA-256') return '';
    shown.say(WORKING[shown.lang]);
    const solution = await solve(challenge.parameters);
    shown.say(shown.words.texts.sending);
    return solution ? btoa(JSON.stringify({ challenge, solution })) : '';
  } catch {
    return '';
  }
}

// In a worker, so that the page goes on as before; where its policy allows none, or none comes, in slices.
async function solve(parameters) {
  let end;
  let worker;
  const over = new Promise((done) => (end = done));
  const inSlices = async () => {
    const step = begin(parameters);
    const until = now() + PATIENCE;
    for (let found; now() < until; await sleep(0)) if ((found = step(SLICE))) return end(found);
  };
  let silence = setTimeout(inSlices, 2 * SECOND);
  const isRefused = () => {
    clearTimeout(silence);
    inSlices();
  };
  const source = URL.createObjectURL(new Blob([`postMessage(0);onmessage=({data})=>postMessage((${begin})(data)(1/0))`], { type: 'text/javascript' }));
  try {
    worker = new Worker(source);
    worker.onerror = isRefused;
    worker.onmessage = ({ data }) => (data ? end(data) : clearTimeout(silence));
    worker.postMessage(parameters);
  } catch {
    isRefused();
  }
  const found = await Promise.race([over, sleep(PATIENCE)]);
  clearTimeout(silence);
  worker?.terminate();
  URL.revokeObjectURL(source);
  return found;
}

// What looks for it, for so many milliseconds at a time. A worker gets its text, so it uses nothing but what is in it. SHA-256 is
// written out, for the browser's own takes longer to call than to reckon, and is not there without TLS.
function begin({ salt, nonce, keyPrefix, cost }) {
  const K = new Int32Array(64);
  const H = new Int32Array(8);
  const W = new Int32Array(64);
  const hash = new Int32Array(8);
  // The fractions of the roots of the first primes.
  for (let prime = 2, found = 0; found < 64; prime += 1) {
    let divisor = 2;
    while (prime % divisor) divisor += 1;
    if (divisor < prime) continue;
    if (found < 8) H[found] = (prime ** 0.5 % 1) * 2 ** 32;
    K[found++] = (Math.cbrt(prime) % 1) * 2 ** 32;
  }
  const compress = () => {
    let [a, b, c, d, e, f, g, h] = H;
    for (let i = 0; i < 64; i += 1) {
      if (i > 15) {
        const x = W[i - 15];
        const y = W[i - 2];
        W[i] = W[i - 16] + W[i - 7] + (((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)) + (((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10));
      }
      const t = (h + (((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))) + (g ^ (e & (f ^ g))) + K[i] + W[i]) | 0;
      const u = ((((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))) + ((a & b) ^ (c & (a ^ b)))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t) | 0;
      d = c;
      c = b;
      b = a;
      a = (t + u) | 0;
    }
    hash[0] = H[0] + a;
    hash[1] = H[1] + b;
    hash[2] = H[2] + c;
    hash[3] = H[3] + d;
    hash[4] = H[4] + e;
    hash[5] = H[5] + f;
    hash[6] = H[6] + g;
    hash[7] = H[7] + h;
  };
  const words = (digits) => digits.match(/.{8}/g).map((word) => parseInt(word, 16));
  // One block: what is hashed, a bit that ends it, and how many bits it has.
  const block = Int32Array.from([...words(salt + nonce), 0, 2 ** 31, 0, 0, 0, 0, 0, 288]);
  const again = Int32Array.from([2 ** 31, 0, 0, 0, 0, 0, 0, 256]);
  const first = parseInt(keyPrefix.slice(0, 8), 16) | 0;
  let counter = -1;
  return (millis) => {
    const end = performance.now() + millis;
    do {
      for (let tries = 0; tries < 256; tries += 1) {
        W.set(block);
        W[8] = counter += 1;
        compress();
        for (let times = 1; times < cost; times += 1) {
          W.set(hash);
          W.set(again, 8);
          compress();
        }
        if (hash[0] !== first) continue;
        const derivedKey = [...hash].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
        if (derivedKey.startsWith(keyPrefix)) return { counter, derivedKey };
      }
    } while (performance.now() < end);
  };
}
