// A first vote by a client in TypeScript that was made from openapi.yaml, and the tally after it.

import createClient from 'openapi-fetch';

import type { paths } from './api.js';

const [baseUrl, poll] = process.argv.slice(2);
if (!baseUrl || !poll) throw new Error('give the address of the service and the id of a poll');
const client = createClient<paths>({ baseUrl });

const minted = await client.POST('/v1/voters');
if (!minted.data) throw new Error(JSON.stringify(minted.error));
const voter = { Authorization: `Voter ${minted.data.voter}` };

const vote = { params: { path: { poll } }, headers: voter, body: { choices: ['yes'] } };
for (const status of [201, 200]) {
  const { data, error, response } = await client.POST('/v1/polls/{poll}/votes', vote);
  if (response.status !== status || data?.choices[0] !== 'yes') throw new Error(JSON.stringify(error ?? data));
}

const { data, error } = await client.POST('/v1/polls/{poll}/votes', { ...vote, body: { choices: ['maybe'] } });
if (data || error.code !== 'invalid-choice') throw new Error('a choice that is not there was taken');

const results = await client.GET('/v1/polls/{poll}/results', { params: { path: { poll } } });
// The same address gives text to whoever asks for that.
if (typeof results.data !== 'object') throw new Error(JSON.stringify(results.error));
console.log(`TypeScript: ${results.data.ballots} counted`);
