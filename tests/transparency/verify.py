"""A second verifier of transparency logs, snapshots and receipts, which shares nothing with sawt's own.

It knows the specifications alone: c2sp.org/signed-note, c2sp.org/tlog-checkpoint, c2sp.org/tlog-tiles and
c2sp.org/tlog-proof, RFC 6962 (trees), RFC 8032 (Ed25519), and docs/transparency.md (what an entry commits to, and what
a receipt is). It needs nothing but Python's own library.

    verify.py log URL [KEY]...          a site's logs, as they are served
    verify.py directory PATH [KEY]...   the same from files
    verify.py since PATH URL [KEY]...   the same of an address or a directory, which must have all that is kept in PATH
    verify.py proof PATH KEY...         a snapshot's .tlog-proof
    verify.py receipt PATH KEY...       a receipt

It prints what it has found as JSON and exits with 0, or says what is wrong and exits with 1.
"""

import base64
import hashlib
import json
import pathlib
import re
import sys
import urllib.request


class Wrong(Exception):
    """What is checked is not right."""


def need(condition, what):
    if not condition:
        raise Wrong(what)


# RFC 8032, section 5.1, in whole numbers.

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)


def recover_x(y, sign):
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * SQRT_OF_MINUS_ONE % P
    need(y < P and not (x * x - square) % P, "no point of the curve")
    need(x or not sign, "no point of the curve")
    return P - x if x & 1 != sign else x


def point(data):
    number = int.from_bytes(data, "little")
    y = number & (2**255 - 1)
    x = recover_x(y, number >> 255)
    return (x, y, 1, x * y % P)


def add(one, other):
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c, d = 2 * one[3] * other[3] * D % P, 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(number, of):
    total = (0, 1, 1, 0)
    while number:
        if number & 1:
            total = add(total, of)
        of, number = add(of, of), number >> 1
    return total


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE = (recover_x(BASE_Y, 0), BASE_Y, 1, recover_x(BASE_Y, 0) * BASE_Y % P)


def is_signed(public, message, signature):
    if len(signature) != 64:
        return False
    try:
        key, first = point(public), point(signature[:32])
    except Wrong:
        return False
    second = int.from_bytes(signature[32:], "little")
    if second >= ORDER:
        return False
    hashed = hashlib.sha512(signature[:32] + public + message).digest()
    left, right = times(second, BASE), add(first, times(int.from_bytes(hashed, "little") % ORDER, key))
    return not (left[0] * right[2] - right[0] * left[2]) % P and not (left[1] * right[2] - right[1] * left[2]) % P


# c2sp.org/signed-note and c2sp.org/tlog-checkpoint.


def decode(text):
    data = base64.b64decode(text, validate=True)
    need(base64.b64encode(data).decode() == text, "base64 that is written in another way")
    return data


def read_key(text):
    name, key_id, key = text.split("+", 2)
    data = decode(key)
    need(len(data) == 33 and data[0] == 1, "a key that is not of Ed25519")
    own = hashlib.sha256(name.encode() + b"\n" + data).digest()[:4]
    need(own.hex() == key_id, "a key whose id is not its own")
    return name, own, data[1:]


def open_checkpoint(note, keys):
    need(not re.search(r"[\x00-\x09\x0b-\x1f]", note), "a control character in a note")
    text, blank, signatures = note.rpartition("\n\n")
    need(blank and signatures.endswith("\n"), "not a signed note")
    text += "\n"
    known = 0
    for line in signatures[:-1].split("\n"):
        match = re.fullmatch(r"\u2014 ([^\s+]+) ([^ ]+)", line)
        need(match, "not a line of a signature")
        data = decode(match[2])
        for name, key_id, public in keys:
            if name == match[1] and key_id == data[:4]:
                need(is_signed(public, text.encode(), data[4:]), "a wrong signature")
                known += 1
    need(known, "no known key has signed this checkpoint")
    lines = text.split("\n")
    need(len(lines) == 4 and lines[0] and re.fullmatch(r"0|[1-9][0-9]*", lines[1]), "not a checkpoint")
    root = decode(lines[2])
    need(len(root) == 32, "not a checkpoint")
    return lines[0], int(lines[1]), root


# RFC 6962, section 2.1.


def leaf_hash(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def tree_root(hashes):
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    half = 1 << (len(hashes) - 1).bit_length() - 1
    return node_hash(tree_root(hashes[:half]), tree_root(hashes[half:]))


def root_of_path(leaf, index, size, path):
    """The root that a path leads to: section 2.1.1, from the root down."""
    need(index < size, "a place behind the end of the tree")
    if size == 1:
        need(not path, "a path that is too long")
        return leaf
    need(path, "a path that is too short")
    half = 1 << (size - 1).bit_length() - 1
    if index < half:
        return node_hash(root_of_path(leaf, index, half, path[:-1]), path[-1])
    return node_hash(path[-1], root_of_path(leaf, index - half, size - half, path[:-1]))


# docs/transparency.md.


def commitment(salt, statement):
    need(re.fullmatch(r"[0-9a-f]{64}", salt), "not a salt")
    return hashlib.sha256(bytes.fromhex(salt) + statement.encode()).digest()


def check_final(statement):
    parts = [statement[name] for name in ("counted", "held", "void")]
    need(sum(part["ballots"] for part in parts) == statement["raw"]["ballots"], "ballots that do not add up")
    for place, option in enumerate(statement["raw"]["options"]):
        same = [part["options"][place] for part in parts]
        need(all(part["id"] == option["id"] for part in same), "options in another order")
        need(sum(part["votes"] for part in same) == option["votes"], "votes that do not add up")


def check_polls(statements):
    closed, tallies = set(), {}
    for said in statements:
        # The poll of an article may come again with its id. Older entries say neither when it was made nor the epoch.
        which = said.get("poll"), said.get("made_at")
        if said["type"] == "poll.final":
            check_final(said)
            if "article" not in said:
                which = said["poll"], None
            need(which not in closed, "a second final figure")
            if "article" not in said or "made_at" in said:
                closed.add(which)
        elif said["type"] == "poll.tally" and "epoch" in said:
            position = said["epoch"], said["version"]
            need(tallies.get(which, position) <= position, "a tally that is older than one before it")
            tallies[which] = position


# c2sp.org/tlog-tiles.


def number_in_path(number):
    groups = []
    while True:
        groups.append(number % 1000)
        number //= 1000
        if not number:
            break
    return "/".join([f"x{group:03}" for group in groups[:0:-1]] + [f"{groups[0]:03}"])


def tile_path(level, number, width):
    return f"tile/{level}/{number_in_path(number)}" + ("" if width == 256 else f".p/{width}")


def check_log(get, log, keys, may_have_grown):
    number = log["log"]
    origin, size, root = open_checkpoint(get(f"{number}/checkpoint").decode(), keys)
    need(origin == log["origin"], "a checkpoint of another log")
    entries, statements = [], {}
    for bundle in range((size + 255) // 256):
        width = min(256, size - 256 * bundle)
        data = get(f"{number}/{tile_path('entries', bundle, width)}")
        of_bundle = []
        while data:
            length = int.from_bytes(data[:2], "big")
            need(length == 32 and len(data) >= 34, "an entry that is no commitment")
            of_bundle.append(data[2:34])
            data = data[34:]
        need(len(of_bundle) == width, "a bundle that is too short or too long")
        entries += of_bundle
        for opened in json.loads(get(f"{number}/openings/{bundle}"))["openings"]:
            if may_have_grown and opened["index"] >= size:
                continue
            need(set(opened) == {"index", "salt", "statement"}, "an opening of another form")
            place = opened["index"] - 256 * bundle
            need(0 <= place < width and opened["index"] not in statements, "an opening at another place")
            need(of_bundle[place] == commitment(opened["salt"], opened["statement"]), "an opening that does not fit")
            statements[opened["index"]] = json.loads(opened["statement"])
    hashes = [leaf_hash(entry) for entry in entries]
    need(tree_root(hashes) == root, "entries that are not those of the checkpoint")
    level, of_level = 0, hashes
    while of_level:
        for tile in range((len(of_level) + 255) // 256):
            part = of_level[256 * tile : 256 * tile + 256]
            need(get(f"{number}/{tile_path(level, tile, len(part))}") == b"".join(part), "a tile that is another")
        full = len(of_level) // 256
        level, of_level = level + 1, [tree_root(of_level[256 * tile : 256 * tile + 256]) for tile in range(full)]
    first = statements.get(0, {})
    need(first.get("type") == "log.began" and first["origin"] == origin, "a log that does not say that it begins")
    named = {first["key"]} | {said["key"] for said in statements.values() if said["type"] == "log.key"}
    need(named == {key["key"] for key in log["keys"]}, "keys that the log does not name")
    check_polls([statements[place] for place in sorted(statements)])
    found = {"log": number, "origin": origin, "size": size, "after": first.get("after"), "statements": statements}
    return found, hashes


def under(key, name):
    """The same key, as who signs by it does under another name."""
    return name, hashlib.sha256(name.encode() + b"\n\1" + key[2]).digest()[:4], key[2]


def check_succession(before, log, keys):
    """Whether a log names the one before it; returns the name of that if it is not served."""
    need(not before or before[0]["log"] < log["log"], "logs in another order")
    if log["log"] == 1 and not log["after"]:
        return None
    need(log["after"], "a log that does not name the one before")
    origin = log["after"].split("\n")[0]
    named, size, root = open_checkpoint(log["after"], keys + [under(key, origin) for key in keys])
    last = log["log"] - 1
    need(last and named.endswith(f"/{last}"), "a log that does not name the one before")
    if not before or before[0]["log"] != last:
        return named
    ended, hashes = before
    need(named == ended["origin"] and size >= ended["size"], "a log that does not name the one before")
    need(size > ended["size"] or tree_root(hashes) == root, "a log that has two histories")
    return None


def check_kept(directory, found, keys):
    """Whether logs have all that was kept of them."""
    logs = {log["log"]: (log, hashes) for log, hashes in found}
    for kept in pathlib.Path(directory).glob("*/checkpoint"):
        origin, size, root = open_checkpoint(kept.read_text(), keys)
        need(int(kept.parent.name) in logs, "a log that is not served any more")
        log, hashes = logs[int(kept.parent.name)]
        need(log["origin"] == origin and size <= log["size"], "a log that had more entries")
        need(tree_root(hashes[:size]) == root, "a log that had another history")


def check_logs(get, trusted, may_have_grown, kept=None):
    index = json.loads(get(""))
    logs = index["before"] + [index]
    published = [read_key(key["key"]) for log in logs for key in log["keys"]]
    keys = [read_key(key) for key in trusted] or published
    found = []
    for log in logs:
        checked, hashes = check_log(get, log, keys, may_have_grown)
        checked["lost"] = check_succession(found and found[-1], checked, keys)
        found.append((checked, hashes))
    if kept:
        check_kept(kept, found, keys)
    return [checked for checked, _ in found]


# c2sp.org/tlog-proof, with the opening as its extra data.


def check_proof(text, keys):
    head, blank, checkpoint = text.partition("\n\n")
    lines = head.split("\n")
    need(blank and lines[0] == "c2sp.org/tlog-proof@v1" and len(lines) >= 3, "not a proof")
    extra, index = re.fullmatch(r"extra (\S+)", lines[1]), re.fullmatch(r"index (0|[1-9][0-9]*)", lines[2])
    need(extra and index, "not a proof")
    opening = decode(extra[1])
    need(len(opening) >= 32, "not an opening")
    _, size, root = open_checkpoint(checkpoint, keys)
    path = [decode(line) for line in lines[3:]]
    need(all(len(part) == 32 for part in path), "not a path")
    entry = commitment(opening[:32].hex(), opening[32:].decode())
    need(root_of_path(leaf_hash(entry), int(index[1]), size, path) == root, "an entry that the log does not have")
    return json.loads(opening[32:])


def check_receipt(receipt, keys):
    need(receipt["type"] == "sawt.receipt/v1", "not a receipt")
    logged = check_proof(receipt["proof"], keys)
    need(logged["type"] == "poll.ballots", "a proof of something else")
    ballot = receipt["ballot"]
    leaf = leaf_hash(commitment(ballot["salt"], ballot["statement"]))
    path = [decode(part) for part in receipt["path"]]
    root = root_of_path(leaf, receipt["index"], logged["ballots"], path)
    need(root == decode(logged["root"]), "a ballot that is not among those of the log")
    said = json.loads(ballot["statement"])
    need(said["type"] == "ballot" and said["poll"] == logged["poll"], "a ballot of another poll")
    return {"ballot": said, "among": logged["ballots"]}


def fetcher(base):
    def get(path):
        address = f"{base}/{path}" if path else base
        with urllib.request.urlopen(address, timeout=30) as answer:
            return answer.read()

    return get


def reader(directory):
    return lambda path: (pathlib.Path(directory) / (path or "log.json")).read_bytes()


def main(what, where, *keys):
    if what == "log":
        return check_logs(fetcher(where.rstrip("/")), keys, True)
    if what == "directory":
        return check_logs(reader(where), keys, False)
    if what == "since":
        served, *keys = keys
        is_address = "://" in served
        get = fetcher(served.rstrip("/")) if is_address else reader(served)
        return check_logs(get, keys, is_address, where)
    data = pathlib.Path(where).read_bytes().decode()
    known = [read_key(key) for key in keys]
    if what == "proof":
        return check_proof(data, known)
    found = json.loads(data)
    return check_receipt(found.get("receipt") or found, known)


if __name__ == "__main__":
    try:
        print(json.dumps(main(*sys.argv[1:]), ensure_ascii=False))
    except (Wrong, ValueError, KeyError, TypeError, OSError) as fault:
        sys.exit(f"wrong: {fault!r}")
