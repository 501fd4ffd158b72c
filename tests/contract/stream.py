"""A stream as a client in Python hears it that makes an event of every block there is: no block is something else."""

import sys
import threading

import httpx
import httpx_sse

address, poll = sys.argv[1:]


def vote(choice):
    voter = httpx.post(f"{address}/v1/voters").raise_for_status().json()["voter"]
    headers = {"Authorization": f"Voter {voter}"}
    httpx.post(f"{address}/v1/polls/{poll}/votes", headers=headers, json={"choices": [choice]}).raise_for_status()


with httpx.Client(timeout=60) as client:
    with httpx_sse.connect_sse(client, "GET", f"{address}/v1/polls/{poll}/live") as stream:
        events = stream.iter_sse()
        first = next(events)
        assert (first.event, first.json()["poll"]) == ("tally", poll), first
        assert 1_000 < first.retry < 10_000 and first.id, first
        before = first.json()["ballots"]

        threading.Thread(target=vote, args=["no"]).start()
        second = next(events)
        assert (second.event, second.json()["ballots"]) == ("tally", before + 1), second

    # Whoever has it already is told nothing before there is something new.
    shown = {"Last-Event-ID": second.id}
    with httpx_sse.connect_sse(client, "GET", f"{address}/v1/polls/{poll}/live", headers=shown) as stream:
        threading.Thread(target=vote, args=["yes"]).start()
        third = next(stream.iter_sse())
        assert (third.event, third.json()["ballots"]) == ("tally", before + 2), third
        assert third.retry, third
print("Python: each event of a stream is one")
