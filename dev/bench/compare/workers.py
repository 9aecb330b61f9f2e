#!/usr/bin/env python3
"""What a proxied call costs with 1, 2 and 4 signalling workers: CPU time, and how many of its messages were read by
one worker and belong to another (`crossed to another worker` of `ruf status`). The servers alternate, at the limit
(sipload) and paced (SIPp); the first two runs of each are cold and do not count.

Usage: workers.py [--repeat N] [--scale X] [--page ../../../docs/performance.md]
With --page the table between the markers of `workers` is written anew.
"""
import argparse, json, os, pathlib, shutil, statistics, subprocess, sys, tempfile
import bench

WARM_UP_RUNS = 2
TREE = bench.HERE.parents[2]


def crossed(server):
    """Messages that crossed so far."""
    status = subprocess.run([str(TREE / "target/release/ruf"), "status", "--json", "--config", str(server.run / "ruf.toml")],
                            capture_output=True, text=True, check=True).stdout
    return next(value for name, value in json.loads(status)["figures"] if name == "crossed to another worker")


def rows(servers, sipp, args):
    work = bench.WORK["proxy_call"]
    for mode in ("max", "paced"):
        uas = [None if mode == "max" else bench.prepare("workers", work, s, sipp, 20000 + 100 * i, work["dom"], args)
               for i, s in enumerate(servers)]
        runs = [[] for _ in servers]
        try:
            for _ in range(args.repeat):
                for i, s in enumerate(servers):
                    before = crossed(s)
                    r = (bench.one_max("proxy_call", s, sipp, args) if mode == "max" else
                         bench.one_run("workers", work, s, sipp, 20000 + 100 * i, uas[i], args, False))
                    r["crossed"] = (crossed(s) - before) / max(1, r["ok"])
                    runs[i].append(r)
                    print(f"{mode:6} {s.name} ok {r['ok']} failed {r['failed']} us {r['us']:.1f} crossed {r['crossed']:.2f}"
                          f" rate {r['rate']:.0f} other {r['other_cores']:.2f}", file=sys.stderr, flush=True)
        finally:
            for p in filter(None, uas):
                p.kill()
                p.wait()
        for s, all_runs in zip(servers, runs):
            counted = all_runs[WARM_UP_RUNS:] or all_runs
            of = lambda key: [r[key] for r in counted]
            yield (f"| {s.name} | {'at the limit' if mode == 'max' else '1,000 a second'} | {statistics.median(of('us')):.1f} |"
                   f" {min(of('us')):.1f} to {max(of('us')):.1f} | {statistics.median(of('crossed')):.2f} |"
                   f" {statistics.median(of('rate')):.0f} | {sum(r['failed'] for r in all_runs)} |")


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--workers", default="1,2,4")
    ap.add_argument("--repeat", type=int, default=7)
    ap.add_argument("--scale", type=float, default=1.0, help="multiply the number of calls")
    ap.add_argument("--rate", type=int, default=1000)
    ap.add_argument("--hold", type=int, default=10)
    ap.add_argument("--window", type=int, default=200)
    ap.add_argument("--sipp", default=os.environ.get("SIPP", "sipp"))
    ap.add_argument("--host", default="127.0.0.40")
    ap.add_argument("--port", type=int, default=5060)
    ap.add_argument("--page")
    args = ap.parse_args()
    args.sipp = shutil.which(args.sipp) or sys.exit(f"no {args.sipp}")
    args.cert = args.key = ""
    run = pathlib.Path(tempfile.mkdtemp(prefix="workers-"))
    sipp, servers = bench.Sipp(run, args), []
    serve = f"{TREE}/dev/bench/serve {{host}} {{port}} {{tlsport}} {{rundir}}"
    try:
        for i, workers in enumerate(args.workers.split(",")):
            spec = f"{workers}=env RUF_USERS=none RUF_WORKERS={workers} {serve}"
            servers.append(bench.Server(spec, args.port + 10 * i, run, args))
        table = ["| workers | load | CPU us a call | range | crossed a call | calls/s | failed |",
                 "| ---: | --- | ---: | ---: | ---: | ---: | ---: |", *rows(servers, sipp, args)]
    finally:
        for s in servers:
            s.stop()
        shutil.rmtree(run, ignore_errors=True)
    print("\n".join(table))
    if args.page:
        bench.rewrite(args.page, "workers", f"`workers.py --repeat {args.repeat} --scale {args.scale:g}`", table)


if __name__ == "__main__":
    main()
