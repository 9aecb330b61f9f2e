#!/usr/bin/env python3
"""What a proxied call costs, and what the server holds, as contacts grow: each server alone with so many registered
contacts, calls at the limit (sipload, a closed loop), first to all of them in turn, then to a thousand more.

Usage: growth.py [--contacts 1000,100000,990000] [--repeat N] [--settle SECONDS] [--page ../../../docs/performance.md]
Memory is read when the transactions of the registrations have ended. Ruf's
default bound is a million bindings. With --page
the table between the markers of `growth` is written anew.
"""
import argparse, pathlib, shutil, statistics, subprocess, sys, tempfile, time
import bench

TREE = bench.HERE.parents[2]


def load(sipload, server, args, contacts, settle):
    """Registers the contacts, then calls; what the server holds, what the calls cost, and what they came to."""
    command = [str(sipload), "call", args.host, server.host, str(server.port), str(args.calls), str(args.window), str(contacts)]
    generator = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if generator.stdout.readline().strip() != "ready":
        sys.exit(f"sipload did not start against {server.name}")
    time.sleep(settle)
    held = bench.memory(bench.tree(server.pid))[0]
    before = bench.cpu(bench.tree(server.pid))[0]
    ok, failed, seconds, _ = generator.communicate("go\n", timeout=600)[0].split()
    spent = bench.cpu(bench.tree(server.pid))[0] - before
    return held, spent * 1e6 / max(1, int(ok)), int(ok) / float(seconds), int(failed)


def row(spec, contacts, port, sipload, run, args):
    server = bench.Server(spec, port, run, args)
    try:
        empty = bench.memory(bench.tree(server.pid))[0]
        held, in_turn, _, failed = load(sipload, server, args, contacts, args.settle)
        few = [load(sipload, server, args, 1000, 0)[1:] for _ in range(args.repeat)]
    finally:
        server.stop()
    print(server.name, contacts, in_turn, few, held - empty, file=sys.stderr, flush=True)
    failed += sum(f for _, _, f in few)
    return (f"| {server.name} | {contacts:,} | {in_turn:.1f} | {statistics.median(us for us, _, _ in few):.1f} |"
            f" {statistics.median(rate for _, rate, _ in few):.0f} | {(held - empty) / 1e6:.0f} | {(held - empty) / contacts:.0f} | {failed} |")


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
    table = ["| server | contacts | CPU us a call, to all in turn | CPU us a call, to 1,000 | calls/s | MB held | octets a contact | failed |",
             "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    try:
        for i, contacts in enumerate(args.contacts.split(",")):
            table.append(row(ruf, int(contacts), args.port + 10 * i, sipload, run, args))
    finally:
        shutil.rmtree(run, ignore_errors=True)
    print("\n".join(table))
    if args.page:
        bench.rewrite(args.page, "growth", f"`growth.py --repeat {args.repeat} --calls {args.calls} --settle {args.settle:g}`", table)


if __name__ == "__main__":
    main()
