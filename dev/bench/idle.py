#!/usr/bin/env python3
"""What idle connections hold: dev/bench/idle.py [--tcp N] [--tls N]

Needs the release build. Each connection comes from one of many addresses of loopback, asks once (OPTIONS), reads its
answer, and says nothing more. Memory is the server's, beyond what it held before; the kernel's is not in it. There can be no
more connections than a process may have open files (`ulimit -Hn`), here and in the server.
"""
import argparse, os, pathlib, resource, socket, ssl, subprocess, sys, tempfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "compare"))
import bench

RUF = os.environ.get("RUF", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../target/release/ruf"))
HOST, PORT, TLS_PORT = "127.0.0.33", 5560, 5561
# From one address no more than the server takes, and no more than there are ports.
OF_ONE_ADDRESS = 5_000
CONFIG = f"""
[server]
data = "%s/data"
listen = ["tcp:{HOST}:{PORT}", "tls:{HOST}:{TLS_PORT}"]
durability = "memory"
log = "warn"
self_test = false
[[domain]]
name = "open.bench"
open = true
"""


def ask(connection, number):
    here = "%s:%d" % connection.getsockname()[:2]
    connection.sendall((f"OPTIONS sip:open.bench SIP/2.0\r\nVia: SIP/2.0/TCP {here};branch=z9hG4bKi{number}\r\nMax-Forwards: 70\r\n"
                        f"From: <sip:a@open.bench>;tag=i{number}\r\nTo: <sip:open.bench>\r\nCall-ID: i{number}\r\n"
                        f"CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n").encode())
    answer = connection.recv(4096)
    if not answer.startswith(b"SIP/2.0 200"):
        sys.exit(f"connection {number}: {answer!r}")


def opened(port, count, wrap):
    for number in range(count):
        source = number // OF_ONE_ADDRESS
        connection = socket.create_connection((HOST, port), source_address=(f"127.1.{source}.{1 + (port == TLS_PORT)}", 0))
        connection = wrap(connection)
        ask(connection, number)
        yield connection


def served(name, port, count, wrap):
    with tempfile.TemporaryDirectory() as run:
        config = pathlib.Path(run, "ruf.toml")
        config.write_text(CONFIG % run)
        server = subprocess.Popen([RUF, "serve", "--config", str(config)], stdout=subprocess.PIPE, text=True)
        try:
            if not any(line.startswith("ready") for line in server.stdout):
                sys.exit("the server did not start")
            before = bench.memory([server.pid])[0]
            held = list(opened(port, count, wrap))
            grown = bench.memory([server.pid])[0] - before
            print(f"| {len(held):,} {name} | {grown / 1e6:.0f} | {grown / max(count, 1):,.0f} |", flush=True)
        finally:
            server.kill()
            server.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tcp", type=int, default=19_000)
    parser.add_argument("--tls", type=int, default=10_000)
    args = parser.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    print("| idle connections | MB held | octets of each |\n| --- | ---: | ---: |")
    served("TCP", PORT, args.tcp, lambda plain: plain)
    served("TLS", TLS_PORT, args.tls, trusting.wrap_socket)


if __name__ == "__main__":
    main()
