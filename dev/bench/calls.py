#!/usr/bin/env python3
"""Calls in a row by one `ruf phone`, and what a call holds: dev/bench/calls.py [--calls N] [--page PAGE]

Needs the release build and tmux. The phone is driven as a person drives it: it calls `ruf answer --echo`, hears itself,
hangs up; every fifth time it is called, and answers. At each mark, after --settle seconds (what a transaction keeps, it
keeps for 32 s), its memory, descriptors, UDP ports and threads are written down. With baresip and linphonec installed,
the memory of `ruf phone`, `ruf call` and both in one call follows. With --page the tables between the markers of `calls`
and `call-memory` are written anew.
"""
import argparse, json, math, os, shutil, signal, subprocess, sys, tempfile, time, wave
import overload

sys.path.append(os.path.join(overload.ROOT, "dev/bench/compare"))
import bench

RUF = overload.RUF
CALLED_EVERY = 5
PATIENCE_S = 30
TALK_S = 0.3
HOST = "127.0.0.1"
FAR_PORT, BARE_PORT, LIN_PORT = 56170, 56174, 56176


def until(what, look):
    deadline = time.monotonic() + PATIENCE_S
    while not (found := look()):
        if time.monotonic() > deadline:
            sys.exit(f"waited in vain: {what}")
        time.sleep(0.05)
    return found


class Program:
    """A process of ours, ended with this."""

    def __init__(self, *command, env=None, log=None):
        out = open(log, "w") if log else subprocess.DEVNULL
        # It ends with this script, however that ends.
        command = ["setpriv", "--pdeathsig", "KILL", "--", *command]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=out, env=env)

    @property
    def pid(self):
        return self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        if self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Screen:
    """`ruf phone` in a terminal of 80 by 24, registered with a server of its own."""

    def __init__(self, folder):
        self.folder, self.socket = folder, os.path.join(folder, "tmux")
        config, users = (os.path.join(folder, name) for name in ("ruf.toml", "users.csv"))
        with open(config, "w") as out:
            out.write(f'[server]\ndata = "{folder}/data"\nlisten = ["udp:{HOST}:0"]\nself_test = false\nlog = "warn"\n'
                      '[[domain]]\nname = "calls.bench"\n')
        with open(users, "w") as out:
            out.write("alice@calls.bench,secret\nbob@calls.bench,secret\n")
        subprocess.run([RUF, "user", "--config", config, "import", users], check=True, stdout=subprocess.DEVNULL)
        self.server = subprocess.Popen([RUF, "serve", "--config", config], stdout=subprocess.PIPE, text=True)
        ready = next(line for line in self.server.stdout if line.startswith("ready"))
        self.at = next(place[4:] for place in ready.split() if place.startswith("udp:"))
        with open(os.path.join(folder, "phone.toml"), "w") as out:
            out.write(f'sound = "loopback"\n[[account]]\naddress = "sip:alice@calls.bench"\npassword = "secret"\n'
                      f'server = "{self.at}"\nlisten = "{HOST}:0"\n')
        pid = os.path.join(folder, "pid")
        command = (f"sh -c 'echo $$ >{pid}; exec env XDG_STATE_HOME={folder}/state {RUF} phone --config {folder}/phone.toml'"
                   f" 2>{folder}/log; cat {folder}/log; sleep 600")
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", command)
        self.shows("registered")
        self.pid = int(open(pid).read())

    def account(self, name):
        return ["--account", f"{name}@calls.bench", "--password", "secret", "--listen", f"{HOST}:0", "--server", self.at]

    def tmux(self, *arguments):
        environment = {name: value for name, value in os.environ.items() if name != "TMUX"}
        return subprocess.run(["tmux", "-S", self.socket, *arguments], check=True, stdout=subprocess.PIPE, text=True,
                              env=environment).stdout

    def shows(self, *wanted):
        return until(f"{wanted} on the screen", lambda: all(text in self.tmux("capture-pane", "-p") for text in wanted))

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def end(self):
        self.tmux("kill-server")
        for _ in range(2):
            self.server.send_signal(signal.SIGTERM)
            time.sleep(0.3)
        self.server.wait()


def holds(pid):
    """What a process holds: memory in KiB, and how many of what is counted."""
    status = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status"))
    fds = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            fds.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except FileNotFoundError:
            pass  # closed meanwhile
    udp = {line.split()[9] for name in ("udp", "udp6") for line in open(f"/proc/{pid}/net/{name}").readlines()[1:]}
    _, rss = bench.memory([pid])
    return {"rss_kib": rss // 1024, "anonymous_kib": int(status["RssAnon"].split()[0]),
            "descriptors": len(fds), "udp_ports": sum(fd[8:-1] in udp for fd in fds if fd.startswith("socket:[")),
            "threads": int(status["Threads"])}


def in_a_row(screen, args):
    """The calls; what was held at each mark."""
    marks = {args.calls * tenth // 10 for tenth in range(1, 11)} | {0}
    bob = Program(RUF, "answer", "--echo", *screen.account("bob"))
    rows = []
    try:
        for number in range(args.calls + 1):
            if number in marks:
                time.sleep(args.settle)
                rows.append({"calls": number, **holds(screen.pid)})
                print(json.dumps(rows[-1]), flush=True)
            if number == args.calls:
                break
            if number % CALLED_EVERY == CALLED_EVERY - 1:
                caller = Program(RUF, "call", "alice", *screen.account("bob"))
                screen.shows("CALLS YOU")
                screen.keys("F5")
            else:
                caller = None
                screen.keys("bob", "Enter")
            screen.shows("talking")
            time.sleep(TALK_S)
            screen.keys("F8")
            screen.shows("No call.")
            if caller:
                caller.process.wait(PATIENCE_S)
    finally:
        bob.end()
    return rows


def in_a_call(screen, folder, seconds=8):
    """What each phone holds in a call of PCMU with the same far side, without a sound card."""
    log = os.path.join(folder, "far.log")
    far = Program(RUF, "answer", "--echo", "--json", "--codecs", "PCMU", "--listen", f"{HOST}:{FAR_PORT}", log=log)
    time.sleep(1)
    to, rows, tone = f"sip:echo@{HOST}:{FAR_PORT}", {}, os.path.join(folder, "tone.wav")
    with wave.open(tone, "wb") as out:
        out.setparams((1, 2, 8000, 0, "NONE", ""))
        out.writeframes(b"".join(round(9000 * math.sin(at * 0.35)).to_bytes(2, "little", signed=True) for at in range(240_000)))

    def measured(name, pid):
        time.sleep(seconds)
        rows[name] = holds(pid)
        print(name, json.dumps(rows[name]), flush=True)

    try:
        bob = Program(RUF, "answer", "--echo", "--codecs", "PCMU", *screen.account("bob"))
        time.sleep(1)
        screen.keys("bob", "Enter")
        screen.shows("talking")
        measured("ruf phone", screen.pid)
        screen.keys("F8")
        screen.shows("No call.")
        bob.end()
        with Program(RUF, "call", to, "--codecs", "PCMU", "--listen", f"{HOST}:0") as caller:
            measured("ruf call", caller.pid)
        if shutil.which("baresip"):
            home = os.path.join(folder, "baresip")
            os.makedirs(home)
            open(os.path.join(home, "config"), "w").write(
                f"sip_listen {HOST}:{BARE_PORT}\nnet_interface {HOST}\naudio_source aufile,{tone}\nausrc_srate 8000\nauplay_srate 8000\nausrc_channels 1\nauplay_channels 1\naudio_player aubridge,ear\n"
                "audio_alert aubridge,bell\naudio_buffer 20-160\njitter_buffer_delay 5-10\n"
                "module_path /usr/lib/baresip/modules\nmodule g711.so\nmodule aufile.so\nmodule aubridge.so\n"
                "module_tmp account.so\nmodule_app menu.so\n")
            open(os.path.join(home, "accounts"), "w").write(f"<sip:b@{HOST}:{BARE_PORT}>;regint=0;audio_codecs=PCMU/8000/1\n")
            with Program("baresip", "-f", home, "-e", f"d {to}", log=os.path.join(folder, "baresip.log")) as caller:
                measured("baresip 1.0", caller.pid)
        if shutil.which("linphonec"):
            home = os.path.join(folder, "linphone")
            os.makedirs(os.path.join(home, ".local/share/linphone"))  # without it, it opens no port
            open(os.path.join(home, "rc"), "w").write(
                f"[sip]\nsip_port={LIN_PORT}\nsip_tcp_port=0\nsip_tls_port=0\nbind_address={HOST}\ncontact=sip:l@{HOST}\n"
                "guess_hostname=0\nuse_ipv6=0\nauto_net_state_mon=0\nregister_only_when_network_is_up=0\n"
                "[sound]\nechocancellation=0\n[audio_codec_0]\nmime=PCMU\nrate=8000\nchannels=1\nenabled=1\n")
            with Program("linphonec", "-c", os.path.join(home, "rc"), env={**os.environ, "HOME": home},
                         log=os.path.join(folder, "linphone.log")) as caller:
                time.sleep(2)
                caller.process.stdin.write(f"soundcard use files\nplay {tone}\ncall {to}\n".encode())
                caller.process.stdin.flush()
                measured("linphonec 5.1", caller.pid)
                caller.process.stdin.write(b"terminate\nquit\n")
                caller.process.stdin.flush()
    finally:
        time.sleep(1)
        far.end()
    ended = [said for said in map(json.loads, filter(lambda line: line.startswith("{"), open(log))) if said["event"] == "ended"]
    # All but `ruf phone`, which calls somebody else.
    if len(ended) != len(rows) - 1 or any(said.get("received", 0) < 100 for said in ended):
        sys.exit(f"one of them said nothing: {ended}")
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--settle", type=float, default=40, help="seconds of rest before a mark")
    parser.add_argument("--page")
    args = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="ruf-calls-")
    screen = Screen(folder)
    try:
        memory = in_a_call(screen, folder)
        rows = in_a_row(screen, args) if args.calls else []
    finally:
        screen.end()
        shutil.rmtree(folder)
    tables = {"call-memory": ["| phone | resident, MiB | anonymous of it, MiB | threads |", "| --- | ---: | ---: | ---: |"] + [
        f"| {name} | {row['rss_kib'] / 1024:.1f} | {row['anonymous_kib'] / 1024:.1f} | {row['threads']} |" for name, row in memory.items()]}
    if rows:
        tables["calls"] = ["| calls | resident, KiB | anonymous, KiB | descriptors | UDP ports | threads |",
                           "| ---: | ---: | ---: | ---: | ---: | ---: |"] + [
            f"| {row['calls']} | {row['rss_kib']} | {row['anonymous_kib']} | {row['descriptors']} | {row['udp_ports']} | {row['threads']} |"
            for row in rows]
        grown = rows[-1]["rss_kib"] - rows[1]["rss_kib"]
        same = all(rows[-1][key] == rows[1][key] for key in ("descriptors", "udp_ports", "threads"))
        tables["calls"].append(f"\nFrom call {rows[1]['calls']} to call {rows[-1]['calls']}: {grown:+d} KiB, "
                               f"descriptors, ports and threads {'the same' if same else 'NOT THE SAME'}.")
    for name, table in tables.items():
        print("\n".join(table))
        if args.page:
            bench.rewrite(args.page, name, f"`calls.py --calls {args.calls}`", table)


if __name__ == "__main__":
    main()
