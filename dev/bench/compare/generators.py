#!/usr/bin/env python3
"""`ruf load` beside SIPp: the same calls at the same rate, what each counts, and the CPU time of each
(caller and callee together).

Example:
  generators.py --ruf ../../../target/release/ruf --server 'ruf=../serve {host} {port} {tlsport} {rundir}' --server kamailio
"""
import argparse, json, os, pathlib, shutil, subprocess, sys, tempfile, time
import bench, scenarios as sc

USERS = 1000


def sipp_run(name, srv, sipp, port, args, rate):
    """SIPp: one process calls, another answers."""
    work = dict(bench.WORK["proxy_call"], users=USERS)
    uas = bench.prepare(name, work, srv, sipp, port, work["dom"], args)
    try:
        xml = sc.uac(work["dom"], False, "", args.hold)
        before = bench.cpu([uas.pid])[0]
        r = sipp.client(name, xml, port + 2, f"{srv.host}:{srv.port}", rate * args.seconds, rate, 5000,
                        bench.users(USERS, name, "caller"))
        r["cpu"] = r["client_cpu"] + bench.cpu([uas.pid])[0] - before
    finally:
        uas.kill()
        uas.wait()
    return r


def load_run(name, srv, args, rate, grain):
    """`ruf load`: one process does both."""
    c = [args.ruf, "load", f"{srv.host}:{srv.port}", "--domain", "open.bench", "--rate", str(rate), "--calls", str(rate * args.seconds),
         "--users", str(USERS), "--user-pattern", name + ".u{n}", "--hold", f"{args.hold}ms", "--grain", grain, "--json"]
    p = subprocess.run(c, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, timeout=args.seconds + 90)
    r = json.loads(p.stdout)
    return {"ok": r["ok"], "failed": r["failed"], "retrans": r["resent"], "cpu": r["cpu_s"], "seconds": r["lasted_s"], "behind": r["behind"]}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--server", action="append", required=True)
    ap.add_argument("--ruf", default=str(bench.HERE / "../../../target/release/ruf"))
    ap.add_argument("--rates", default="500,1000")
    ap.add_argument("--grains", default="0s,5ms")
    ap.add_argument("--seconds", type=int, default=20)
    ap.add_argument("--repeat", type=int, default=1)
    ap.add_argument("--hold", type=int, default=10)
    ap.add_argument("--children", type=int, default=2)
    ap.add_argument("--sipp", default=os.environ.get("SIPP", "sipp"))
    ap.add_argument("--opensips", default=os.environ.get("OPENSIPS", "opensips"))
    ap.add_argument("--host", default="127.0.0.30")
    ap.add_argument("--port", type=int, default=5360)
    args = ap.parse_args()
    args.sipp = shutil.which(args.sipp) or sys.exit(f"no {args.sipp}")
    args.cert = args.key = "none"
    run = pathlib.Path(tempfile.mkdtemp(prefix="generators-"))
    sipp, servers = bench.Sipp(run, args), []
    print("| server | calls/s | generator | ok | failed | sent again | CPU s | us a call | of SIPp's |\n"
          "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    try:
        for i, spec in enumerate(args.server):
            servers.append(bench.Server(spec, args.port + 10 * i, run, args))
        n = 0
        for rate in map(int, args.rates.split(",")):
            for _ in range(args.repeat):
                for i, s in enumerate(servers):
                    n += 1
                    a = sipp_run(f"s{n}", s, sipp, 23000 + 100 * i, args, rate)
                    rows = [("SIPp", a)]
                    for grain in args.grains.split(","):
                        time.sleep(1)
                        how = f" --grain {grain}"
                        rows.append(("ruf load" + how, load_run(f"l{n}.{grain}", s, args, rate, grain)))
                    for who, r in rows:
                        late = f" ({r['behind']} starts late)" if r.get("behind") else ""
                        print(f"| {s.name} | {rate} | {who}{late} | {r['ok']} | {r['failed']} | {r['retrans']} | {r['cpu']:.2f}"
                              f" | {r['cpu'] * 1e6 / max(1, r['ok']):.0f} | {r['cpu'] / max(a['cpu'], 1e-9):.2f} |", flush=True)
    finally:
        for s in servers:
            s.stop()
        shutil.rmtree(run, ignore_errors=True)


if __name__ == "__main__":
    main()
