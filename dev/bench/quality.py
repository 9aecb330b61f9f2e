#!/usr/bin/env python3
"""Speech through two phones of a kind, over a path that loses and delays: dev/bench/quality.py [--page PAGE]

Needs the release build, baresip 1.0 and espeak-ng; numpy and pesq go into target/quality. A caller says ten texts by
ten voices to a phone that says what it hears, so what comes back on the wire is what that phone's ear made of it, in
both phones taken at the same place and by the same means: baresip has no player that writes a file. A relay between
them applies a mask of loss and delay, the same for both phones, to what the caller says; the way back is clear. What
comes back is scored by PESQ against what was said, and says when it came: mouth to ear is from the first sample of a
frame being spoken to its being played, without sound cards. Calls go --at-once beside each other.
"""
import argparse, concurrent.futures, ctypes, heapq, json, os, random, re, select, shutil, signal, socket, statistics
import subprocess, sys, tempfile, time, wave

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
HOME = os.path.join(ROOT, "target/quality")
if not sys.prefix.startswith(HOME):
    python = os.path.join(HOME, "bin/python")
    if subprocess.run([python, "-c", "import numpy, pesq"], stderr=subprocess.DEVNULL).returncode if os.path.exists(python) else True:
        subprocess.run([sys.executable, "-m", "venv", HOME], check=True)
        subprocess.run([os.path.join(HOME, "bin/pip"), "install", "-q", "--disable-pip-version-check", "numpy", "pesq"], check=True)
    os.execv(python, [python, *sys.argv])

import numpy, pesq
sys.path.append(os.path.join(ROOT, "dev/bench/compare"))
import bench

RUF = os.path.join(ROOT, "target/release/ruf")
HOST = "127.0.0.1"
PORT = 10000  # of the first call; each has forty
LEAD_S, TAIL_S, ANSWER_S = 1.5, 2.0, 6.0
PACKET_S = 0.02
ACTIVE_DBFS = -26

TEXTS = [
    ("en-gb", "Please call me back before the bank closes at noon. The letters are on the table by the window."),
    ("en-us+f3", "She bought seven fresh peaches and a bottle of milk. Nobody has opened that gate since the spring."),
    ("en-gb-x-rp+f2", "The ferry leaves at half past five from the northern pier. Take a warm jacket and some bread."),
    ("en-us+m3", "My brother sold the old bicycle for forty dollars. The paint on the garden fence is still wet."),
    ("en-gb-scotland", "We walked along the river until it was too dark to see. A thin mist was lying over the fields."),
    ("en-us+f4", "The doctor will see you in ten minutes, please sit down. Both of the lamps in the hall are broken."),
    ("en-gb+m5", "Write your name and number at the top of the page. The third question is harder than the first."),
    ("en-us+f1", "His train was late again because of snow on the tracks. She waited with a book and a cup of tea."),
    ("en-gb-x-gbclan", "Turn left behind the church and follow the narrow road. The farm has a blue roof and two dogs."),
    ("en-us+f5", "The meeting was moved to Thursday, so bring the figures. Coffee and cake will be served at four."),
]

# How one packet fares: seconds of delay, or None.
CONDITIONS = {
    "clean": lambda chance: 0.0,
    "5 % lost": lambda chance: None if chance.random() < 0.05 else 0.0,
    "60 ms jitter": lambda chance: chance.random() * 0.06,
}


class Codec:
    def __init__(self, name, payload_type, rate, clock, mode, baresip, module):
        self.name, self.payload_type, self.rate, self.clock, self.mode = name, payload_type, rate, clock, mode
        self.baresip, self.module = baresip, module


CODECS = {codec.name: codec for codec in [
    Codec("PCMU", 0, 8000, 8000, "nb", "PCMU/8000/1", "g711.so"),
    Codec("G722", 9, 16000, 8000, "wb", "G722/16000/1", "g722.so"),
    # Its number is the offer's to say.
    Codec("opus", None, 16000, 48000, "wb", "opus/48000/2", "opus.so"),
]}


def mulaw():
    table = []
    for octet in range(256):
        octet = ~octet & 255
        value = (((octet & 15) << 3) + 132 << (octet >> 4 & 7)) - 132
        table.append(-value if octet & 128 else value)
    return numpy.array(table, dtype=numpy.int16)


MULAW = mulaw()


def decode(codec, packets):
    """Samples of packets [(timestamp, payload, time)] at their places; and for each sample's packet its place and time."""
    start, end = packets[0][0], max(ts for ts, _, _ in packets)
    samples = numpy.zeros((end - start) * codec.rate // codec.clock + int(codec.rate * PACKET_S * 7), dtype=numpy.int16)
    if codec.name == "G722":
        spandsp = ctypes.CDLL("libspandsp.so.2")
        spandsp.g722_decode_init.restype = ctypes.c_void_p
        state = ctypes.c_void_p(spandsp.g722_decode_init(None, 64000, 0))
    if codec.name == "opus":
        opus = ctypes.CDLL("libopus.so.0")
        opus.opus_decoder_create.restype = ctypes.c_void_p
        state = ctypes.c_void_p(opus.opus_decoder_create(codec.rate, 1, None))
    places = []
    for ts, payload, at in packets:
        if codec.name == "G722":
            buffer = (ctypes.c_int16 * (len(payload) * 2))()
            count = spandsp.g722_decode(state, buffer, payload, len(payload))
            decoded = numpy.frombuffer(buffer, dtype=numpy.int16)[:count]
        elif codec.name == "opus":
            buffer = (ctypes.c_int16 * (codec.rate // 8))()
            count = opus.opus_decode(state, payload, len(payload), buffer, len(buffer), 0)
            decoded = numpy.frombuffer(buffer, dtype=numpy.int16)[:max(count, 0)]
        else:
            decoded = MULAW[numpy.frombuffer(payload, dtype=numpy.uint8)]
        place = (ts - start) * codec.rate // codec.clock
        samples[place:place + len(decoded)] = decoded[:len(samples) - place]
        places.append((place, at))
    return samples, places


def resampled(samples, old, new):
    """By the spectrum of all of it."""
    length = -(-len(samples) // old) * old  # so that both lengths are whole
    spectrum = numpy.fft.rfft(numpy.pad(samples, (0, length - len(samples))))
    out = length * new // old
    return numpy.fft.irfft(spectrum[:out // 2 + 1], out) * (out / length)


def speak(folder):
    """The texts as WAV files of each rate: NAME-RATE.wav."""
    for number, (voice, text) in enumerate(TEXTS):
        spoken = os.path.join(folder, "espeak.wav")
        subprocess.run(["espeak-ng", "-v", voice, "-s", "150", "-w", spoken, text], check=True)
        with wave.open(spoken) as file:
            rate, samples = file.getframerate(), numpy.frombuffer(file.readframes(file.getnframes()), dtype=numpy.int16)
        for codec in CODECS.values():
            said = resampled(samples.astype(float), rate, codec.rate)
            said *= 32768 * 10 ** (ACTIVE_DBFS / 20) / numpy.sqrt(numpy.mean(said ** 2))
            said = numpy.concatenate([numpy.zeros(int(LEAD_S * codec.rate)), said, numpy.zeros(int(TAIL_S * codec.rate))])
            with wave.open(os.path.join(folder, f"{number}-{codec.rate}.wav"), "wb") as file:
                file.setparams((1, 2, codec.rate, 0, "NONE", ""))
                file.writeframes(numpy.clip(said, -32768, 32767).astype(numpy.int16).tobytes())


def read(path):
    with wave.open(path) as file:
        return numpy.frombuffer(file.readframes(file.getnframes()), dtype=numpy.int16)


class Relay:
    """Between two phones: passes SIP on, with ports of its own in the SDP; masks what the caller says."""

    def __init__(self, base, callee, codec, fate):
        self.sip, self.from_caller, self.from_callee = (self.bound(base + at) for at in (0, 2, 4))
        self.callee, self.codec, self.fate = callee, codec, fate
        self.caller = self.caller_rtp = self.callee_rtp = None
        self.payload_types = {codec.payload_type}
        self.first_sequence, self.due, self.said, self.heard = None, [], [], []

    @staticmethod
    def bound(port):
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        bound.bind((HOST, port))
        return bound

    def signal(self, message, is_callers):
        """With our port where its own stands; we send there."""
        head, _, body = message.partition(b"\r\n\r\n")
        self.payload_types |= {int(number) for number in re.findall(rb"a=rtpmap:(\d+) opus/", body)}
        if (found := re.search(rb"m=audio (\d+)", body)):
            there = (HOST, int(found[1]))
            if is_callers:
                self.caller_rtp, ours = there, self.from_callee
            else:
                self.callee_rtp, ours = there, self.from_caller
            body = body.replace(found[0], b"m=audio %d" % ours.getsockname()[1], 1)
            head = re.sub(rb"(?im)^(Content-Length|l)[ \t]*:[ \t]*\d+", rb"\1: %d" % len(body), head)
        return head + b"\r\n\r\n" + body

    def kept(self, packets, datagram, now):
        if datagram[1] & 127 in self.payload_types:
            packets.append((int.from_bytes(datagram[4:8], "big"), datagram[12:], now))

    def run(self, is_over):
        while not is_over(self):
            wait = max(self.due[0][0] - time.monotonic(), 0) if self.due else 0.05
            readable = select.select([self.sip, self.from_caller, self.from_callee], [], [], min(wait, 0.05))[0]
            now = time.monotonic()
            while self.due and self.due[0][0] <= now:
                _, _, datagram = heapq.heappop(self.due)
                self.from_callee.sendto(datagram, self.callee_rtp)
            for ready in readable:
                datagram, source = ready.recvfrom(4096)
                if ready is self.sip and source == self.callee:
                    self.sip.sendto(self.signal(datagram, False), self.caller)
                elif ready is self.sip:
                    self.caller = source
                    self.sip.sendto(self.signal(datagram, True), self.callee)
                elif ready is self.from_callee and self.caller_rtp:
                    self.kept(self.heard, datagram, now)
                    self.from_caller.sendto(datagram, self.caller_rtp)
                elif ready is self.from_caller and self.callee_rtp:
                    self.kept(self.said, datagram, now)
                    sequence = int.from_bytes(datagram[2:4], "big")
                    self.first_sequence = sequence if self.first_sequence is None else self.first_sequence
                    fate = self.fate(sequence - self.first_sequence & 0xffff)
                    if fate is not None:
                        heapq.heappush(self.due, (now + fate, len(self.said), datagram))


def baresip(folder, name, codec, port, source, player, extra):
    home = os.path.join(folder, name)
    os.makedirs(home)
    with open(os.path.join(home, "config"), "w") as out:
        out.write(f"sip_listen {HOST}:{port}\nnet_interface {HOST}\nrtp_ports {port + 1}-{port + 4}\nrtcp_mux no\n"
                  f"audio_path {home}\naudio_source {source}\naudio_player {player}\naudio_alert aubridge,bell\n"
                  f"ausrc_srate {codec.rate}\nauplay_srate {codec.rate}\nausrc_channels 1\nauplay_channels 1\n"
                  "audio_buffer 20-160\njitter_buffer_delay 5-10\ncall_local_timeout 120\ncall_max_calls 4\n"  # its defaults
                  "module_path /usr/lib/baresip/modules\n"
                  f"module {codec.module}\nmodule aufile.so\nmodule aubridge.so\nmodule plc.so\nmodule_tmp account.so\nmodule_app menu.so\n")
    with open(os.path.join(home, "accounts"), "w") as out:
        out.write(f"<sip:{name}@{HOST}:{port}>;regint=0;answermode=auto;audio_codecs={codec.baresip}\n")
    return ["baresip", "-f", home, *extra]


def call(task):
    """One call; what it came to."""
    phone, codec, condition, number, folder, base = task
    codec = CODECS[codec]
    folder = tempfile.mkdtemp(prefix=f"{number}-", dir=folder)
    chance = random.Random(f"{condition}, {number}")
    mask = [CONDITIONS[condition](chance) for _ in range(3000)]
    relay = Relay(base, (HOST, base + 6), codec, lambda at: mask[at % len(mask)])
    file = os.path.join(os.path.dirname(folder), f"{number}-{codec.rate}.wav")
    to = f"sip:callee@{HOST}:{base}"
    if phone == "ruf":
        callee = [RUF, "answer", "--echo", "--json", "--codecs", codec.name, "--listen", f"{HOST}:{base + 6}"]
        caller = [RUF, "call", to, "--play", file, "--codecs", codec.name, "--listen", f"{HOST}:0", "--for", "60"]
    else:
        callee = baresip(folder, "callee", codec, base + 6, "aubridge,ear", "aubridge,ear", [])
        caller = baresip(folder, "caller", codec, base + 26, f"aufile,{file}", "aubridge,other", ["-e", f"d {to}"])
    reference = read(file)
    wanted = len(reference) / codec.rate / PACKET_S
    log = open(os.path.join(folder, "log"), "w+")
    start = lambda command: subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log)
    processes = [start(callee)]
    time.sleep(1)
    processes.append(start(caller))
    deadline = time.monotonic() + ANSWER_S + len(reference) / codec.rate + 5
    try:
        relay.run(lambda relay: len(relay.said) >= wanted or time.monotonic() > deadline)
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGINT)
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
    if len(relay.heard) < wanted * 0.9:
        log.seek(0)
        raise RuntimeError(f"{phone}, {condition}, {number}: {len(relay.said)} packets there, {len(relay.heard)} back\n{log.read()}")
    log.close()
    heard, heard_at = decode(codec, relay.heard)
    said, said_at = decode(codec, relay.said)
    score = pesq.pesq(codec.rate, reference, heard, codec.mode)
    return {"phone": phone, "codec": codec.name, "condition": condition, "number": number, "pesq": round(score, 3),
            "delays_ms": delays(codec, said, said_at, heard, heard_at)}


def delays(codec, said, said_at, heard, heard_at):
    """From mouth to ear, for each piece of speech that is found again."""
    def when(places):
        at = numpy.array([place for place, _ in places])
        times = numpy.array([time for _, time in places])
        order = numpy.argsort(at)
        at, times = at[order], times[order]

        def time_of(sample):
            packet = max(numpy.searchsorted(at, sample, side="right") - 1, 0)
            return times[packet] + (sample - at[packet]) / codec.rate
        return time_of
    spoken, played = when(said_at), when(heard_at)
    length, reach, found = codec.rate * 3 // 10, codec.rate, []
    loud = 32768 * 10 ** ((ACTIVE_DBFS - 10) / 20)
    for place in range(0, len(heard) - length, length // 2):
        piece = heard[place:place + length].astype(float)
        if numpy.sqrt(numpy.mean(piece ** 2)) < loud:
            continue
        # Where in what was said, up to a second before.
        near = numpy.searchsorted([at for _, at in said_at], played(place) - 1.0)
        begin = said_at[min(near, len(said_at) - 1)][0]
        around = said[begin:begin + reach + length].astype(float)
        if len(around) <= length:
            continue
        size = 1 << (len(around) + length).bit_length()
        product = numpy.fft.irfft(numpy.fft.rfft(around, size) * numpy.conj(numpy.fft.rfft(piece, size)), size)[:len(around) - length]
        power = numpy.convolve(around ** 2, numpy.ones(length), "valid")[:len(product)]
        likeness = product / numpy.sqrt(numpy.maximum(power, 1) * numpy.sum(piece ** 2))
        best = int(numpy.argmax(likeness))
        if likeness[best] > 0.8:
            # A packet leaves when its last sample was spoken; what is played is played from its tick on.
            found.append(round((played(place) - spoken(begin + best) + PACKET_S) * 1000, 1))
    return found


def percentile(values, share):
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] if values else float("nan")


def table(rows, codecs):
    lines = ["| codec | condition | PESQ: ruf | baresip 1.0 | difference | worst: ruf | baresip | mouth to ear, ms, median: ruf | baresip | 95 %: ruf | baresip |",
             "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for codec in codecs:
        for condition in CONDITIONS:
            scores, waits = {}, {}
            for phone in ("ruf", "baresip"):
                of = [row for row in rows if (row["phone"], row["codec"], row["condition"]) == (phone, codec, condition)]
                scores[phone] = [row["pesq"] for row in of]
                waits[phone] = [wait for row in of for wait in row["delays_ms"]]
            if not all(scores.values()):
                continue
            ours, theirs = (statistics.median(scores[phone]) for phone in ("ruf", "baresip"))
            figures = [f"{ours:.2f}", f"{theirs:.2f}", f"{ours - theirs:+.2f}"] + [f"{min(scores[phone]):.2f}" for phone in scores]
            figures += [f"{percentile(waits[phone], share):.0f}" for share in (0.5, 0.95) for phone in waits]
            lines.append(f"| {codec} | {condition} | " + " | ".join(figures) + " |")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page")
    parser.add_argument("--codecs", default=",".join(CODECS))
    parser.add_argument("--masks", type=int, default=len(TEXTS))
    parser.add_argument("--conditions", default=",".join(CONDITIONS))
    parser.add_argument("--phones", default="ruf,baresip")
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--keep", metavar="FILE", help="where each call's figures go")
    args = parser.parse_args()
    codecs = args.codecs.split(",")
    folder = tempfile.mkdtemp(prefix="ruf-quality-")
    speak(folder)
    tasks = [(phone, codec, condition, number) for codec in codecs for condition in args.conditions.split(",")
             for number in range(args.masks) for phone in args.phones.split(",")]
    tasks = [(*task, folder, PORT + 40 * at) for at, task in enumerate(tasks)]
    try:
        os.nice(-15)  # other work on the machine is no part of the path
    except PermissionError:
        print("not root: other work on the machine may be heard", file=sys.stderr)
    rows = []
    try:
        with concurrent.futures.ProcessPoolExecutor(args.at_once) as pool:
            for row in pool.map(call, tasks):
                rows.append(row)
                print(row["phone"], row["codec"], row["condition"], row["number"], row["pesq"],
                      f"{percentile(row['delays_ms'], 0.5)} {percentile(row['delays_ms'], 0.95)} ms", len(row["delays_ms"]), flush=True)
    finally:
        shutil.rmtree(folder)
    if args.keep:
        with open(args.keep, "w") as out:
            json.dump(rows, out)
    lines = table(rows, codecs)
    print("\n".join(lines))
    if args.page:
        bench.rewrite(args.page, "quality", f"`quality.py --masks {args.masks} --at-once {args.at_once}`", lines)


if __name__ == "__main__":
    main()
