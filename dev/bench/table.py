#!/usr/bin/env python3
"""Rewrites the tables of docs/performance.md between their markers.

Usage: table.py PAGE CASES COMPARE_JSON
"""
import datetime, json, os, re, statistics, sys

WARM_UP_RUNS = 2  # each server's first runs are cold and do not count


def cases(path):
    rows = ["| case | ns | instructions | allocations | what |", "| --- | ---: | ---: | ---: | --- |"]
    for line in open(path).read().splitlines()[1:]:
        name, ns, instructions, allocations, what = line.split(None, 4)
        rows.append(f"| {name} | {ns} | {instructions} | {allocations} | {what} |")
    return rows


def compare(path):
    figures, failed = {}, {}
    for row in json.load(open(path)):
        runs = row["runs"][WARM_UP_RUNS:] or row["runs"]
        figures.setdefault(row["work"], {})[row["server"]] = runs
        failed[row["work"]] = failed.get(row["work"], 0) + sum(run["failed"] for run in row["runs"])
    rows = ["| work, closed loop | ruf | kamailio 5.6 | ratio | ruf, units/s | failed |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for work, of in figures.items():
        us = {server: statistics.median(run["us"] for run in runs) for server, runs in of.items()}
        rate = statistics.median(run["rate"] for run in of["ruf"])
        rows.append(f"| {work} | {us['ruf']:.1f} | {us['kamailio']:.1f} | {us['ruf'] / us['kamailio']:.2f} | {rate:.0f} | {failed[work]} |")
    return rows


def main():
    page, case_file, compare_file = sys.argv[1:]
    text = open(page).read()
    today = datetime.date.today().isoformat()
    stamp = f"Measured on {today}, {os.cpu_count()} cores, by `make bench`."
    for name, rows in (("cases", cases(case_file)), ("compare", compare(compare_file))):
        block = "\n".join([f"<!-- {name} -->", stamp, "", *rows, f"<!-- /{name} -->"])
        text, found = re.subn(f"<!-- {name} -->.*?<!-- /{name} -->", lambda _: block, text, flags=re.S)
        if not found:
            sys.exit(f"{page} has no place for the table of {name}")
    open(page, "w").write(text)


if __name__ == "__main__":
    main()
