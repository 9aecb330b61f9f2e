#!/usr/bin/env python3
"""Rewrites the tables of docs/performance.md between their markers.

Usage: table.py PAGE FOLDER
FOLDER has what dev/bench/run measured: `cases` and memory.json, one.json, tls.json, two.json, disk.json. With only one
of the two kinds the table of the other stays as it is.
"""
import datetime, json, os, pathlib, re, statistics, subprocess, sys

WARM_UP_RUNS = 2  # each server's first runs are cold and do not count

# What is measured, by which run, work and mode, and the ratio to Kamailio that is to be reached (or the octets).
ROWS = [
    ("proxied call, UDP, one worker", "one", "proxy_call", "max", 0.55),
    ("the same, 1,000 a second", "one", "proxy_call", "paced", 0.67),
    ("the same, two workers", "two", "proxy_call", "max", 0.60),
    ("proxied call with digest (407)", "one", "proxy_call_auth", "sat", 0.55),
    ("REGISTER, no challenge", "one", "register", "max", 0.60),
    ("REGISTER with challenge", "one", "register_auth", "sat", 0.60),
    ("OPTIONS to the server", "one", "options_reply", "max", 0.72),
    ("MESSAGE relayed", "one", "message_relay", "max", 0.55),
    ("proxied call, TCP, one connection", "one", "proxy_call_tcp", "sat", 0.45),
    ("proxied call, TLS, one connection", "tls", "proxy_call_tls", "sat", 0.45),
    ("REGISTER on the disk", "disk", "register", "max", 0.08),
    ("octets per contact", "memory", "memory_contacts", None, 250),
    ("octets per ringing call", "memory", "memory_calls", None, 2500),
]


def cases(path):
    rows = ["| case | ns | instructions | allocations | what |", "| --- | ---: | ---: | ---: | --- |"]
    for line in path.read_text().splitlines()[1:]:
        name, ns, instructions, allocations, what = line.split(None, 4)
        rows.append(f"| {name} | {ns} | {instructions} | {allocations} | {what} |")
    return rows


def figure(measured):
    """The median of what counts, units per second, and how many units failed."""
    if "runs" not in measured:
        return measured["bytes_per"], None, measured["failed"]
    runs = measured["runs"][WARM_UP_RUNS:] or measured["runs"]
    failed = sum(run["failed"] for run in measured["runs"])
    if not any(run["ok"] for run in runs):
        return None, None, failed
    median = lambda key: statistics.median(run[key] for run in runs)
    return median("us"), median("rate"), failed


def compare(folder):
    rows = ["| work | ruf | Kamailio 5.6 | ratio | target | ruf, units/s | failed: ruf | Kamailio |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for title, run, work, mode, target in ROWS:
        path = folder / f"{run}.json"
        found = [row for row in json.loads(path.read_text()) if (row["work"], row.get("mode")) == (work, mode)] if path.exists() else []
        if len(found) != 2:
            rows.append(f"| {title} | not measured | | | {target} | | | |")
            continue
        (ours, rate, our_failed), (theirs, _, their_failed) = map(figure, found)
        shown = lambda number, digits: "-" if number is None else f"{number:.{digits}f}"
        digits = 1 if mode else 0
        ratio = ours / max(theirs, 1e-9) if ours is not None and theirs is not None else None
        rate = f"{rate:.0f}" if rate else ""
        rows.append(f"| {title} | {shown(ours, digits)} | {shown(theirs, digits)} | {shown(ratio, 2)} | {target} | {rate} | {our_failed} | {their_failed} |")
    return rows


def main():
    page, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    text = open(page).read()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    stamp = f"Measured on {datetime.date.today().isoformat()}, {os.cpu_count()} cores, {commit}, by `make bench`."
    tables = []
    if (folder / "cases").exists():
        tables.append(("cases", cases(folder / "cases")))
    if any(folder.glob("*.json")):
        tables.append(("compare", compare(folder)))
    for name, rows in tables:
        block = "\n".join([f"<!-- {name} -->", stamp, "", *rows, f"<!-- /{name} -->"])
        text, found = re.subn(f"<!-- {name} -->.*?<!-- /{name} -->", lambda _: block, text, flags=re.S)
        if not found:
            sys.exit(f"{page} has no place for the table of {name}")
    open(page, "w").write(text)


if __name__ == "__main__":
    main()
