#!/usr/bin/env python3
"""Computes the hashes of channel.json from its bytes, without quire-channel. Usage: python3 independent.py"""
import hashlib, json, pathlib

rows = {k: bytes.fromhex(v[2:]) for k, v in json.loads((pathlib.Path(__file__).parent / "channel.json").read_text()).items()}
h = lambda data: hashlib.blake2b(data, digest_size=32).digest()


def root(items):
    level = [h(b"\0" + item) for item in items]
    if not level:
        return h(b"")
    while len(level) > 1:
        if len(level) % 2:
            level.append(level[-1])
        level = [h(b"\1" + a + b) for a, b in zip(level[::2], level[1::2])]
    return level[0]


def message(seq):
    le = lambda n, size: n.to_bytes(size, "little")
    return (le(7, 8) + le(3, 4) + le(1, 1) + le(seq, 8) + le(1_500_000_000_000, 8) + le(1, 2)
            + bytes([16 << 2]) + bytes([seq] * 16) + bytes([8 << 2]) + le(1_000_000 * (seq + 1), 8))


items = [bytes([n] * 32) for n in range(5)]
ids = [h(message(seq)) for seq in range(5, 8)]
expected = {
    "message": message(5),
    "message/id": ids[0],
    "batch/header": bytes([9] * 32) + message(5)[:21] + (3).to_bytes(4, "little") + root(ids),
    "batch/signing_bytes": b"quire/batch/1" + rows["batch/header"],
    "batch/hash": h(rows["batch/signing_bytes"]),
    "batch": rows["batch/header"] + bytes([0xab] * 64) + bytes([12, 0]) + message(5) + b"\1" + ids[1] + b"\0" + message(7),
    "part/plain": b"\1" + rows["batch"],
    "part/copy_hash": h(b"quire/copy/1" + rows["batch/header"] + bytes([0xab] * 64) + bytes([4, 0b101])),
    "part/root": root([rows["part/copy_hash"]]),
    "result/hash": h(b"quire/result/1" + rows["result"]),
    "result/commitment": h(b"quire/commit/1" + bytes([9] * 32) + message(5)[:12] + bytes([6] * 32) + rows["result/hash"] + bytes([4] * 32)),
    "record/leaf": h(b"quire/record/1" + rows["record"]),
    **{f"merkle/root of {n}": root(items[:n]) for n in (0, 1, 2, 3, 5)},
    **{f"output/{kind}/leaf": h(b"quire/output/1" + rows[f"output/{kind}"]) for kind in ("transfer", "fee", "report", "notice")},
}
wrong = [name for name, value in expected.items() if rows[name] != value]
print("differ: " + ", ".join(wrong) if wrong else f"{len(expected)} vectors agree")
raise SystemExit(bool(wrong))
