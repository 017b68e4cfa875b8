#!/usr/bin/env python3
"""Independent recomputation of the real-time-bidding job from an access log.

It shares no code with Quire: a regular expression instead of the parser, hashlib and zlib instead of our hashes, plain
dictionaries instead of parts, merges and programs. Prints the `input`, `report`, `paid` and `blocks` members that
`quire demo --json` must print for the same file.

usage: rtb_reference.py LOG [--blocks B]
"""

import argparse
import gzip
import hashlib
import json
import re
import sys
import zlib

LINE = re.compile(
    rb'^(\S+) (\S+) (\S+) \[([^\]]+)\] "((?:[^"\\]|\\.)*)" ([0-9]{3}) ([0-9]+|-) '
    rb'"((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"\s*\Z',
    re.DOTALL,
)
ROBOT = re.compile(rb"bot|crawler|spider|slurp|http:", re.IGNORECASE)
FRAUD, VIEW, CLICK = 1, 2, 4
SSP, DSP, AUDITOR = "ssp", "dsp", "auditor"
FEE_RATE = 10**16
AUDITOR_RATE = 1_000
SUMS = ("totalSum", "viewedSum", "rejectedSum", "clickSum")
COUNTS = (
    "totalImpressions",
    "viewedImpressions",
    "rejectedImpressions",
    "clickImpressions",
    "processedImpressions",
    "unmatched",
)


def read_lines(path):
    data = gzip.open(path, "rb").read() if path.endswith(".gz") else open(path, "rb").read()
    lines = data.split(b"\n")
    ended = [line[:-1] if line.endswith(b"\r") else line for line in lines[:-1]]
    return ended + ([lines[-1]] if lines[-1] else [])


def messages_of(lines):
    """One list of messages per valid line."""
    valid = []
    for number, line in enumerate(lines):
        match = LINE.match(line)
        if not match:
            continue
        status, referer, agent = match.group(6), match.group(8), match.group(9)
        imp = hashlib.blake2b(number.to_bytes(8, "little") + line, digest_size=32).digest()[:16]
        c = zlib.crc32(imp)
        price = 1_000_000 * (1 + c % 1000)
        flags = 0
        if status[:1] == b"2" or status == b"304":
            flags |= VIEW
            if referer != b"-" and c % 50 == 1:
                flags |= CLICK
        if ROBOT.search(agent):
            flags |= FRAUD
        sent = [(SSP, imp, price), (AUDITOR, imp, flags)]
        if c % 97:
            sent.append((DSP, imp, price))
        valid.append(sent)
    return valid


def split(valid, blocks):
    size, remainder = divmod(len(valid), blocks)
    start = 0
    for block in range(blocks):
        end = start + size + (1 if block < remainder else 0)
        yield valid[start:end]
        start = end


def report_of(block):
    imps = {}
    for sent in block:
        for sender, imp, value in sent:
            imps.setdefault(imp, {})[sender] = value
    report = dict.fromkeys(COUNTS + SUMS, 0)
    for seen in imps.values():
        if SSP not in seen or seen[SSP] != seen.get(DSP):
            report["unmatched"] += 1
            continue
        price, flags = seen[SSP], seen.get(AUDITOR, 0)
        report["totalImpressions"] += 1
        report["totalSum"] += price
        if flags & VIEW:
            report["viewedImpressions"] += 1
            report["viewedSum"] += price
            if flags & FRAUD:
                report["rejectedImpressions"] += 1
                report["rejectedSum"] += price
        if flags & CLICK and not flags & FRAUD:
            report["clickImpressions"] += 1
            report["clickSum"] += price
        if AUDITOR in seen:
            report["processedImpressions"] += 1
    return report


def settle(report):
    partner = report["viewedSum"] - report["rejectedSum"]
    fee = partner * FEE_RATE // 10**18
    auditor = AUDITOR_RATE * report["processedImpressions"]
    return {"dsp": partner + auditor, "ssp": partner - fee, "auditor": auditor, "validators": fee}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("log")
    arguments.add_argument("--blocks", type=int, default=2)
    arguments.add_argument("--compare", metavar="FILE", help="output of `quire demo --json`; fails where it differs")
    options = arguments.parse_args()
    lines = read_lines(options.log)
    valid = messages_of(lines)
    if not 0 < options.blocks <= len(valid):
        sys.exit(f"{len(valid)} valid lines cannot be split into {options.blocks} blocks")
    report = dict.fromkeys(COUNTS + SUMS, 0)
    paid = dict.fromkeys(("dsp", "ssp", "auditor", "validators"), 0)
    blocks = []
    for number, block in enumerate(split(valid, options.blocks)):
        part = report_of(block)
        for key, value in part.items():
            report[key] += value
        for key, value in settle(part).items():
            paid[key] += value
        blocks.append({"number": number, "messages": sum(len(sent) for sent in block)})
    report.update({key: str(report[key]) for key in SUMS})
    expected = {
        "input": {"lines": len(lines), "skipped": len(lines) - len(valid)},
        "report": report,
        "paid": {key: str(value) for key, value in paid.items()},
        "blocks": blocks,
    }
    if options.compare:
        compare(options.compare, expected)
    else:
        print(json.dumps(expected))


def compare(path, expected):
    with open(path) as file:
        result = json.loads(file.read().rstrip().splitlines()[-1])
    blocks = result.pop("blocks")
    seen = {key: result.get(key) for key in ("input", "report", "paid")}
    seen["blocks"] = [{"number": block["number"], "messages": block["messages"]} for block in blocks]
    if seen != expected:
        sys.exit(f"{path} differs from the recomputation:\n  printed    {seen}\n  recomputed {expected}")
    unsettled = [block for block in blocks if block["state"] != "Settled"]
    if unsettled:
        sys.exit(f"{path}: not settled: {unsettled}")
    print(f"{len(blocks)} blocks agree with the recomputation: {seen['paid']}")


if __name__ == "__main__":
    main()
