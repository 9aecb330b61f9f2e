#!/usr/bin/env python3
"""Half an hour of mixed load: cost, latency and memory of each minute: dev/bench/soak.py [--minutes N] [--rate N] OUT

Needs the release build. One server serves all of it, with accounts, digest and registrations in memory; each minute is
one run of `ruf load` (open loop). Writes OUT-soak.csv and OUT-soak.svg, and says how the last five minutes compare with
minutes 5 to 10. With --page the table between the markers of `soak` is written anew.
"""
import argparse, csv, json, os, statistics, subprocess, sys
import overload

sys.path.append(os.path.join(overload.ROOT, "dev/bench/compare"))
import bench

MIX = "call=5,message=3,register=2"


def minute(server, number, args):
    cpu = server.cpu_s()
    command = [overload.RUF, "load", f"127.0.0.1:{overload.PORT}", "--domain", "auth.bench", "--password", "secret",
               "--rate", str(args.rate), "--mix", MIX, "--duration", f"{args.seconds}s", "--users", str(args.users),
               "--hold", "1s", "--grain", "1ms", "--json"]
    report = json.loads(subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout)
    answer = report["times_ms"].get("INVITE to 200", {})
    return {"min": number, "ok": report["ok"], "failed": report["failed"],
            "cpu_us_per_unit": round((server.cpu_s() - cpu) / max(report["ok"], 1) * 1e6, 1),
            "rss_mb": round(server.rss_mb(), 1), "p50_ms": answer.get("p50"), "p99_ms": answer.get("p99"),
            "resent": report["resent"], "load": round(os.getloadavg()[0], 1)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--minutes", type=int, default=30)
    parser.add_argument("--seconds", type=int, default=60, help="how long a minute is")
    parser.add_argument("--rate", type=int, default=500, help="units a second")
    parser.add_argument("--users", type=int, default=1000)
    parser.add_argument("--page")
    args = parser.parse_args()
    server, rows = overload.Server(0, True), []
    try:
        for number in range(args.minutes):
            rows.append(minute(server, number + 1, args))
            print(json.dumps(rows[-1]), flush=True)
    finally:
        server.stop()
    with open(f"{args.out}-soak.csv", "w", newline="") as out:
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    overload.draw(f"{args.out}-soak.svg", rows, "min", 5, [
        ("CPU of the server, us a unit", "cpu_us_per_unit", "#444"), ("its memory, MB", "rss_mb", "#6941c6"),
        ("INVITE to 200, median, ms", "p50_ms", "#0b6bcb"), ("INVITE to 200, p99, ms", "p99_ms", "#0b6bcb"),
        ("units that failed", "failed", "#b42318")])
    lines = ["| | minutes 5 to 10 | the last five | change |", "| --- | ---: | ---: | ---: |"]
    for title, key in [("CPU, us a unit", "cpu_us_per_unit"), ("memory, MB", "rss_mb"), ("INVITE to 200, median, ms", "p50_ms"),
                       ("INVITE to 200, p99, ms", "p99_ms")]:
        early, late = (statistics.mean(float(row[key]) for row in some) for some in (rows[4:10] or rows, rows[-5:]))
        lines.append(f"| {title} | {early:.2f} | {late:.2f} | {(late / early - 1) * 100:+.1f} % |")
    lines.append(f"\n{sum(row['ok'] for row in rows):,} units went well, {sum(row['failed'] for row in rows)} failed.")
    print("\n".join(lines))
    if args.page:
        bench.rewrite(args.page, "soak", f"`soak.py --minutes {args.minutes} --rate {args.rate}`", lines)


if __name__ == "__main__":
    main()
