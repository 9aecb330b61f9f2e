#!/usr/bin/env python3
"""Where the instructions of a case go, by callgrind: which part of the house they are spent in or for.

Usage: split.py [CASE]     after `make counts` has built the program; CASE is unit_call unless said

What a crate has a library do (copy, allocate, hash) counts as the crate's; below, the same again by library. Both are
of one round: the difference between a run of 1100 and one of 100.
"""
import collections, os, pathlib, re, subprocess, sys, tempfile

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "target/release/ruf-bench"

# The first that matches a function's name is its part.
PARTS = [
    ("message: reading", r"ruf_message::(door|scan|uri::grammar|params::Param::scan|header::.*::scan)|ruf_message::message::Message::parse"),
    ("message: writing", r"ruf_message::(fields::write|request::Request::(to_bytes|write_to)|response::Response::(to_bytes|write_to))"),
    ("message: looking up and changing", r"ruf_message::"),
    ("transaction", r"ruf_transaction::"),
    ("admission", r"ruf_(admission|auth|accounts)::"),
    ("proxy", r"ruf_proxy::"),
    ("registrar, routing, locate", r"ruf_(registrar|registrar_core|routing|locate)::"),
    ("node", r"ruf_node::|ruf_bench::"),
]
LIBRARIES = [
    ("SHA-256 and MD5 (in software here)", r"sha2::|md5::|digest::|hmac::|block_buffer::"),
    ("allocator", r"malloc|free|calloc|realloc|ruf_bench::allocations|__rust_|__rdl_|__rg_"),
    ("copying, comparing and clearing octets", r"__mem|memcpy|memmove|bcmp|bytes::"),
    ("hashing for tables (SipHash)", r"core::hash|std::hash"),
    ("searching octets (memchr)", r"memchr::"),
]


def of(name, groups):
    return next((group for group, pattern in groups if re.search(pattern, name)), None)


def profile(case, rounds):
    """Self cost of each function, and the inclusive cost of each edge between two."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "out")
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
        if case.startswith("unit_"):
            command.append("--toggle-collect=*Serving*feed*")
        subprocess.run([*command, str(PROGRAM), case, str(rounds)], check=True, capture_output=True, env={"PATH": os.environ["PATH"]})
        lines = out.read_text().splitlines()
    names, own, edges = {}, collections.Counter(), collections.Counter()
    caller = callee = None
    is_call = False

    def named(text):
        number, _, name = text.partition(" ")
        if name:
            names[number] = name
        return names[number]

    for line in lines:
        key, _, value = line.partition("=")
        if key == "fn":
            caller = named(value)
        elif key == "cfn":
            callee = named(value)
        elif key == "calls":
            is_call = True
        elif line[:1] in "0123456789+-*" and line:
            cost = int(line.split()[1])
            if is_call:
                edges[caller, callee] += cost
            else:
                own[caller] += cost
            is_call = False
    return own, edges


def spent(own, edges):
    """By part and by library."""
    is_library = lambda name: of(name, LIBRARIES) or not of(name, PARTS)
    callees = collections.defaultdict(list)
    for (caller, callee), cost in edges.items():
        callees[caller].append((callee, cost))
    shares = {}

    def share(name):
        """What of a library's function is spent in libraries: some call back."""
        if name not in shares:
            shares[name] = 1.0  # of one that calls itself
            called = sum(cost for _, cost in callees[name])
            libraries = sum(cost * share(callee) for callee, cost in callees[name] if is_library(callee))
            shares[name] = (own[name] + libraries) / max(1, own[name] + called)
        return shares[name]

    by_part, by_library = collections.Counter(), collections.Counter()
    for name, cost in own.items():
        if is_library(name):
            by_library[of(name, LIBRARIES) or "the rest of the libraries"] += cost
        else:
            by_part[of(name, PARTS)] += cost
    for (caller, callee), cost in edges.items():
        if not is_library(caller) and is_library(callee):
            by_part[of(caller, PARTS)] += round(cost * share(callee))
    return by_part, by_library


def main():
    case = sys.argv[1] if len(sys.argv) > 1 else "unit_call"
    (long, long_edges), (short, short_edges) = profile(case, 1100), profile(case, 100)
    long.subtract(short)
    long_edges.subtract(short_edges)
    by_part, by_library = spent(long, long_edges)
    total = sum(long.values())
    for title, table in (("spent in or for", by_part), ("of which in", by_library)):
        print(f"| {title} | instructions | share |\n| --- | ---: | ---: |")
        for name, cost in table.most_common():
            print(f"| {name} | {cost / 1000:.0f} | {100 * cost / total:.0f} % |")
        print()
    print(f"{total / 1000:.0f} in all; {sum(by_part.values()) / 1000:.0f} found")


if __name__ == "__main__":
    main()
