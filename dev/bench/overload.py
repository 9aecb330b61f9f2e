#!/usr/bin/env python3
"""Goodput under overload, and a storm: dev/bench/overload.py [--quota PERCENT] [--digest] OUT

Needs the release build. The server runs on core 0, the generators (`ruf load`, open loop) on core 1. A generator costs
more for a call than the server does, so the server is given a quota of its core (cgroup v1, cpu.cfs_quota_us; as root):
else nothing here could bring ten times what it can do. Writes OUT-goodput.csv, OUT-storm.csv and OUT-storm.svg.
"""
import argparse, csv, json, os, pty, re, select, signal, subprocess, sys, tempfile, threading, time, urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RUF = os.environ.get("RUF", os.path.join(ROOT, "target/release/ruf"))
PORT, HTTP = 56160, 56190
GROUP = "/sys/fs/cgroup/cpu/ruf-overload"
PERIOD_US = 10_000
TICKS = os.sysconf("SC_CLK_TCK")
USERS = 100
# Where the peak of an open loop is sought, as parts of what a closed loop gets.
SHARES = [0.7, 0.8, 0.9, 1]
# Generators that are ready at once, each with users of its own.
GENERATORS = 12
LINE = re.compile(r"(\d+) started +(\d+) ok +(\d+) failed +(\d+) under way")

CONFIG = f"""
[server]
data = "%s/data"
listen = ["udp:127.0.0.1:{PORT}"]
durability = "memory"
log = "warn"
self_test = false
[http]
listen = "127.0.0.1:{HTTP}"
[overload]
refuse_early = %s
[[domain]]
name = "open.bench"
open = true
[[domain]]
name = "auth.bench"
digest = ["MD5"]
"""


class Server:
    def __init__(self, quota, early):
        self.run = tempfile.mkdtemp(prefix="ruf-overload-")
        config = os.path.join(self.run, "ruf.toml")
        with open(config, "w") as out:
            out.write(CONFIG % (self.run, "true" if early else "false"))
        users = os.path.join(self.run, "users.csv")
        with open(users, "w") as out:
            out.writelines(f"u{n}@auth.bench,secret\n" for n in range(USERS * GENERATORS))
        subprocess.run([RUF, "user", "--config", config, "import", users], check=True, stdout=subprocess.DEVNULL)
        command = ["taskset", "-c", "0", RUF, "serve", "--config", config]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        if not any(line.startswith("ready") for line in self.process.stdout):
            sys.exit("the server did not start")
        self.quota = quota
        if quota:
            os.makedirs(GROUP, exist_ok=True)
            for name, value in [("cpu.cfs_period_us", PERIOD_US), ("cpu.cfs_quota_us", PERIOD_US * quota // 100),
                                ("cpu.shares", 20_000), ("cgroup.procs", self.process.pid)]:
                with open(os.path.join(GROUP, name), "w") as out:
                    out.write(str(value))

    def cpu_s(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def rss_mb(self):
        with open(f"/proc/{self.process.pid}/statm") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6

    def figures(self):
        try:
            page = urllib.request.urlopen(f"http://127.0.0.1:{HTTP}/metrics", timeout=5).read().decode()
        except OSError:
            return {}
        return {m[1]: int(m[2]) for m in re.finditer(r'^(\w+)\{worker="0"\} (\d+)$', page, re.M)}

    def stop(self):
        for _ in range(2):
            self.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
        self.process.wait()
        if self.quota:
            os.rmdir(GROUP)


class Load(threading.Thread):
    """One generator; `seen` are its counts so far, `report` what it came to."""

    def __init__(self, rate, seconds, digest, closed=None, number=0):
        super().__init__(daemon=True)
        pace = ["--closed", str(closed)] if closed else ["--rate", str(rate)]
        domain = ["--domain", "auth.bench", "--password", "secret"] if digest else ["--domain", "open.bench"]
        self.command = ["taskset", "-c", "1", RUF, "load", f"127.0.0.1:{PORT}", *domain, *pace, "--duration",
                        f"{seconds}s", "--users", str(USERS), "--first-user", str(number * USERS), "--hold", "200ms", "--grain", "1ms", "--json", "--wait"]
        self.seen, self.report = (0, 0, 0, 0), None
        ours, theirs = pty.openpty()
        self.terminal = ours
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        self.output, self.is_ready = b"", threading.Event()
        self.start()
        if not self.is_ready.wait(90):
            sys.exit("the generator did not get ready")

    def go(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def run(self):
        fds = {self.terminal, self.process.stdout.fileno()}
        while fds:
            for fd in select.select(list(fds), [], [])[0]:
                try:
                    got = os.read(fd, 65536)
                except OSError:
                    got = b""
                if not got:
                    fds.discard(fd)
                elif fd == self.terminal:
                    text = got.decode(errors="replace")
                    found = LINE.findall(text)
                    if found:
                        self.seen = tuple(map(int, found[-1]))
                    if "ready" in text:
                        self.is_ready.set()
                else:
                    self.output += got
                    if b"ready" in self.output:
                        self.is_ready.set()
        self.process.wait()
        text = self.output.decode()
        self.report = json.loads(text[text.index("{"):])


def failures(report):
    return {f["reason"]: f["count"] for unit in report["units"].values() for f in unit["failures"]}


def one(server, rate, seconds, digest, closed=None):
    # What was before is over, and the callees can be registered.
    time.sleep(3)
    load = Load(rate, seconds, digest, closed)
    cpu = server.cpu_s()
    load.go()
    load.join()
    report, cpu = load.report, server.cpu_s() - cpu
    answer = report["times_ms"].get("INVITE to 200", {})
    row = {"offered_per_s": round(report["started_per_s"]), "ok_per_s": round(report["ok_per_s"]),
           "ok": report["ok"], "failed": report["failed"], "server_cpu_s": round(cpu, 2),
           "cpu_us_per_ok": round(cpu / max(report["ok"], 1) * 1e6, 1), "p50_ms": answer.get("p50"),
           "p99_ms": answer.get("p99"), "resent": report["resent"], "starts_late": report["behind"],
           "failures": "; ".join(f"{name} {count}" for name, count in failures(report).items())}
    print(json.dumps(row), flush=True)
    return row


def goodput(args):
    """The peak is the most that ends well at any rate of an open loop; `times` are of it. A closed loop, whose calls come in
    step, gets more: its row is told, too."""
    rows, base = [], args.base
    for early in [False, True]:
        server = Server(args.quota, early)
        try:
            # A closed loop is never more than it can do, unless it is refused and tries again at once.
            if not base:
                rows.append({"early": early, "times": "closed", **one(server, 0, 8, args.digest, closed=args.closed)})
                base = rows[0]["ok_per_s"]
            if args.early_only and not early:
                continue
            # Its tables have grown before anything is measured.
            one(server, base * 0.8, args.warm, args.digest)
            sought = [one(server, base * share, args.seconds, args.digest) for share in SHARES]
            peak = max(sought, key=lambda row: row["ok_per_s"])
            rows.append({"early": early, "times": "peak", **peak})
            for times in args.times:
                rows.append({"early": early, "times": times,
                             **one(server, peak["ok_per_s"] * times, args.seconds, args.digest)})
        finally:
            server.stop()
    with open(f"{args.out}-goodput.csv", "w", newline="") as out:
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return base


def storm(args, base):
    """Half of what it can do; ten times that; half again."""
    server = Server(args.quota, True)
    one(server, base / 2, args.warm, args.digest)
    rows, loads, runs = [], [], []
    is_over = threading.Event()

    def watch():
        start, cpu, counted = time.time(), server.cpu_s(), (0, 0, 0)
        while not is_over.wait(1.0 - (time.time() - start) % 1.0):
            total = tuple(sum(load.seen[i] for load in loads) for i in range(3))
            now, figures = server.cpu_s(), server.figures()
            rows.append({"s": round(time.time() - start), "started_per_s": total[0] - counted[0],
                         "ok_per_s": total[1] - counted[1], "failed_per_s": total[2] - counted[2],
                         "cpu_percent": round((now - cpu) * 100), "rss_mb": round(server.rss_mb(), 1),
                         "busy_percent": figures.get("ruf_busy_percent", ""),
                         "refused_early_percent": figures.get("ruf_refused_early_percent", ""),
                         "transactions": figures.get("ruf_transactions_open", ""), "p99_ms": ""})
            cpu, counted = now, total

    def phase(name, load, seconds, waits=True):
        begins, cpu = len(rows), server.cpu_s()
        loads.append(load)
        load.go()
        time.sleep(seconds + 0.5)
        spent = server.cpu_s() - cpu
        if waits:
            load.join()
        runs.append((name, load, begins, len(rows), spent))

    watcher = threading.Thread(target=watch)
    try:
        # All register before the storm, which would refuse that too.
        # Completed calls linger for 32 s, and of used nonces 65,536 are kept: only then is memory level.
        plan = [("to level", 0.5, 20)] * 4 + [("before", 0.5, 10), ("storm", 10, 20)]
        plan += [("after", 0.5, 10)] * (GENERATORS - len(plan))
        ready = [Load(base * times, secs, args.digest, number=number) for number, (_, times, secs) in enumerate(plan)]
        watcher.start()
        for (name, _, secs), load in zip(plan, ready):
            phase(name, load, secs, waits=name != "storm")
        for _, load, *_ in runs:
            load.join()
    finally:
        is_over.set()
        watcher.join()
        server.stop()
    for name, load, begins, ends, spent in runs:
        report = load.report
        answer = report["times_ms"].get("INVITE to 200", {})
        for row in rows[begins:ends]:
            row["p99_ms"] = answer.get("p99", "")
        print(json.dumps({"phase": name, "from_s": rows[begins]["s"] if begins < len(rows) else None, "ok": report["ok"],
                          "failed": report["failed"], "cpu_us_per_ok": round(spent / max(report["ok"], 1) * 1e6, 1),
                          "rss_mb": rows[min(ends, len(rows)) - 1]["rss_mb"], "p99_ms": answer.get("p99"),
                          "failures": failures(report)}), flush=True)
    with open(f"{args.out}-storm.csv", "w", newline="") as out:
        writer = csv.DictWriter(out, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    draw(f"{args.out}-storm.svg", rows, "s", 20, [
        ("calls that went well, a second", "ok_per_s", "#1a7f37"), ("calls that failed, a second", "failed_per_s", "#b42318"),
        ("CPU of the server, percent of a core", "cpu_percent", "#444"), ("its memory, MB", "rss_mb", "#6941c6"),
        ("INVITE to 200, p99 of each 10 s, ms", "p99_ms", "#0b6bcb")])


def draw(path, rows, unit, every, strips):
    """Strips above each other, one for each (title, column, colour); below, every so many of the unit, which is the
    column that says when."""
    width, height, left, gap = 760, 90, 56, 34
    last = max(row[unit] for row in rows)
    parts = []
    for number, (title, key, colour) in enumerate(strips):
        top = number * (height + gap) + 24
        points = [(row[unit], float(row[key])) for row in rows if row[key] not in ("", None)]
        most = max([value for _, value in points] + [1])
        line = " ".join(f"{left + when / last * (width - left - 10):.1f},{top + height - v / most * height:.1f}" for when, v in points)
        parts.append(f'<text x="{left}" y="{top - 6}">{title}</text><text x="{left - 6}" y="{top + 10}" text-anchor="end">'
                     f'{most:.0f}</text><text x="{left - 6}" y="{top + height}" text-anchor="end">0</text>'
                     f'<path d="M{left},{top}V{top + height}H{width - 10}" fill="none" stroke="#999"/>'
                     f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
    bottom = len(strips) * (height + gap) + 14
    for when in range(0, last + 1, every):
        x = left + when / last * (width - left - 10)
        parts.append(f'<text x="{x:.1f}" y="{bottom}" text-anchor="middle">{when} {unit}</text>')
    with open(path, "w") as file:
        file.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {bottom + 10}" font-family="sans-serif" '
                   f'font-size="11" fill="#222"><rect width="100%" height="100%" fill="#fff"/>{"".join(parts)}</svg>\n')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--quota", type=int, default=10, help="percent of a core for the server; 0: all of it")
    parser.add_argument("--digest", action="store_true", help="calls with 407")
    parser.add_argument("--closed", type=int, default=2000, help="calls under way when the capacity is sought: enough that their 200 ms are not what bounds it")
    parser.add_argument("--early-only", action="store_true", help="leave out what it does without refusing early")
    parser.add_argument("--warm", type=int, default=40, help="seconds until memory is level: completed calls linger for 32")
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--times", type=lambda text: [float(one) for one in text.split(",")], default=[0.5, 0.75, 0.9, 1, 1.25, 1.5, 2, 3])
    parser.add_argument("--base", type=float, help="calls a second that it can do, if that is known")
    parser.add_argument("--only", choices=["goodput", "storm"])
    args = parser.parse_args()
    base = args.base
    if args.only != "storm":
        base = goodput(args)
    if args.only != "goodput":
        storm(args, base)


if __name__ == "__main__":
    main()
