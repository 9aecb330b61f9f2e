#!/usr/bin/env python3
"""What a proxied call costs, and what the server holds, as contacts grow: each server alone with so many registered
contacts, calls at the limit (sipload, a closed loop), first to all of them in turn, then to a thousand more; the last
row once more with callers at ten thousand addresses.

Usage: growth.py [--contacts 1000,100000,990000] [--repeat N] [--settle SECONDS] [--page ../../../docs/performance.md]
Memory is read when the transactions of the registrations have ended. Ruf's
default bound is a million bindings. With --page
the table between the markers of `growth` is written anew, and performance/growth.svg beside the page.
"""
import argparse, pathlib, shutil, statistics, subprocess, sys, tempfile, time
import bench

TREE = bench.HERE.parents[2]


def load(sipload, server, args, contacts, settle, sources):
    """Registers the contacts, then calls; what the server holds, what the calls cost, and what they came to."""
    command = [str(sipload), "call", args.host, server.host, str(server.port), str(args.calls), str(args.window), str(contacts), str(sources)]
    generator = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if generator.stdout.readline().strip() != "ready":
        sys.exit(f"sipload did not start against {server.name}")
    time.sleep(settle)
    held = bench.memory(bench.tree(server.pid))[0]
    before = bench.cpu(bench.tree(server.pid))[0]
    ok, failed, seconds, _ = generator.communicate("go\n", timeout=600)[0].split()
    spent = bench.cpu(bench.tree(server.pid))[0] - before
    return held, spent * 1e6 / max(1, int(ok)), int(ok) / float(seconds), int(failed)


def row(spec, contacts, sources, port, sipload, run, args):
    server = bench.Server(spec, port, run, args)
    try:
        empty = bench.memory(bench.tree(server.pid))[0]
        held, in_turn, _, failed = load(sipload, server, args, contacts, args.settle, sources)
        few = [load(sipload, server, args, 1000, 0, sources)[1:] for _ in range(args.repeat)]
    finally:
        server.stop()
    print(server.name, contacts, sources, in_turn, few, held - empty, file=sys.stderr, flush=True)
    return {"contacts": contacts, "sources": sources or 1, "in turn": in_turn, "few": statistics.median(us for us, _, _ in few),
            "rate": statistics.median(rate for _, rate, _ in few), "held": held - empty,
            "failed": failed + sum(f for _, _, f in few)}


def line(row):
    return (f"| {row['contacts']:,} | {row['sources']:,} | {row['in turn']:.1f} | {row['few']:.1f} | {row['rate']:.0f} |"
            f" {row['held'] / 1e6:.0f} | {row['held'] / row['contacts']:.0f} | {row['failed']} |")


def draw(path, rows):
    """Bars for each row: what a call costs, and what a contact holds."""
    width, height, left, parts = 760, 110, 56, []
    for number, (title, key, colour) in enumerate([("CPU of the server, us a call, to all in turn", "in turn", "#444"),
                                                   ("the same, to 1,000 of them", "few", "#0b6bcb"),
                                                   ("memory held, MB", "MB", "#6941c6")]):
        top = number * (height + 34) + 24
        values = [row["held"] / 1e6 if key == "MB" else row[key] for row in rows]
        most, step = max(values), (width - left - 10) / len(rows)
        parts.append(f'<text x="{left}" y="{top - 6}">{title}</text>')
        for place, value in enumerate(values):
            x, tall = left + place * step + step * 0.2, value / most * height * 0.85
            parts.append(f'<rect x="{x:.1f}" y="{top + height - tall:.1f}" width="{step * 0.6:.1f}" height="{tall:.1f}" fill="{colour}"/>'
                         f'<text x="{x + step * 0.3:.1f}" y="{top + height - tall - 4:.1f}" text-anchor="middle">{value:.1f}</text>')
        parts.append(f'<path d="M{left},{top}V{top + height}H{width - 10}" fill="none" stroke="#999"/>')
    bottom = 3 * (height + 34) + 10
    for place, row in enumerate(rows):
        what = f"{row['contacts']:,} contacts" + (f", {row['sources']:,} addresses" if row["sources"] > 1 else "")
        parts.append(f'<text x="{left + (place + 0.5) * step:.1f}" y="{bottom}" text-anchor="middle">{what}</text>')
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {bottom + 10}" font-family="sans-serif" '
                    f'font-size="11" fill="#222"><rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n')


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--contacts", default="1000,100000,990000")
    ap.add_argument("--repeat", type=int, default=5)
    ap.add_argument("--calls", type=int, default=60000)
    ap.add_argument("--window", type=int, default=200)
    ap.add_argument("--settle", type=float, default=45, help="seconds until the transactions of the registrations have ended")
    ap.add_argument("--host", default="127.0.0.40")
    ap.add_argument("--port", type=int, default=5060)
    ap.add_argument("--children", type=int, default=1)
    ap.add_argument("--page")
    args = ap.parse_args()
    args.cert = args.key = ""
    run = pathlib.Path(tempfile.mkdtemp(prefix="growth-"))
    sipload = run / "sipload"
    subprocess.run(["cc", "-O2", "-o", str(sipload), str(bench.HERE / "sipload.c")], check=True)
    ruf = f"ruf=env RUF_USERS=none {TREE}/dev/bench/serve {{host}} {{port}} {{tlsport}} {{rundir}}"
    counts = [int(contacts) for contacts in args.contacts.split(",")]
    cases = [(contacts, 0) for contacts in counts] + [(counts[-1], 10_000)]
    try:
        rows = [row(ruf, *case, args.port + 10 * i, sipload, run, args) for i, case in enumerate(cases)]
    finally:
        shutil.rmtree(run, ignore_errors=True)
    table = ["| contacts | callers' addresses | CPU us a call, to all in turn | CPU us a call, to 1,000 | calls/s | MB held | octets a contact | failed |",
             "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |", *map(line, rows)]
    print("\n".join(table))
    if args.page:
        draw(pathlib.Path(args.page).parent / "performance/growth.svg", rows)
        bench.rewrite(args.page, "growth", f"`growth.py --repeat {args.repeat} --calls {args.calls} --settle {args.settle:g}`", table)


if __name__ == "__main__":
    main()
