"""A first vote by a client in Python that was made from openapi.yaml, and the tally after it."""

import sys

from sawt_client import AuthenticatedClient, Client
from sawt_client.api.readers import cast_vote, mint_voter, read_results
from sawt_client.models import NewVote, Results, Vote, Voter

address, poll = sys.argv[1:]
anyone = Client(base_url=address)
minted = mint_voter.sync(client=anyone)
assert isinstance(minted, Voter), minted

voter = AuthenticatedClient(base_url=address, token=minted.voter, prefix="Voter")
for status in [201, 200]:
    answer = cast_vote.sync_detailed(poll, client=voter, body=NewVote(choices=["yes"]))
    assert answer.status_code == status and isinstance(answer.parsed, Vote), answer
    assert answer.parsed.choices == ["yes"], answer

refused = cast_vote.sync(poll, client=voter, body=NewVote(choices=["maybe"]))
assert getattr(refused, "code", None) == "invalid-choice", refused

results = read_results.sync(poll, client=anyone)
assert isinstance(results, Results), results
assert [option.label for option in results.options] == ["نعم", "لا"], results
print(f"Python: {results.ballots} counted")
