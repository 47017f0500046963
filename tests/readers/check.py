"""Real readers before a real daemon: see tests/readers.sh. check.py LOA SCRATCH"""

import datetime
import json
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import programs
from proxy import Proxy


class Daemon:
    """`loa` on a port, until the block ends."""

    def __init__(self, log, port, command):
        self.log, self.port, self.command = log, port, command

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def articles(self):
        """What the API says: by id."""
        address = f"http://127.0.0.1:{self.port}/api/v1/articles?limit=200"
        with urllib.request.urlopen(address, timeout=5) as answer:
            found = json.load(answer)["articles"]
        when = datetime.datetime.fromisoformat
        return {
            article["id"]: {
                "title": article["title"],
                "published": int(when(article["date_published"]).timestamp()),
                "updated": int(when(article["date_modified"]).timestamp()),
                "revision": article["revision"],
            }
            for article in found
        }

    def wait_for(self, enough):
        """Waits until the articles are `enough`."""
        for _ in range(300):
            if self.process.poll() is not None:
                raise SystemExit(f"loa ended with {self.process.returncode}")
            try:
                if enough(self.articles()):
                    return
            except OSError:
                pass
            time.sleep(0.2)
        raise SystemExit("the daemon did not come so far within a minute")


def differences(items, date, before, after):
    """Where what a reader has differs from what the API said before and after it read."""
    for identity in [item["id"] for item in items]:
        if sum(item["id"] == identity for item in items) > 1:
            yield f"{identity} is there twice"
    for missing in before.keys() - {item["id"] for item in items}:
        yield f"{missing} ({before[missing]['title']}) is missing"
    for item in items:
        said = [known[item["id"]] for known in (before, after) if item["id"] in known]
        if not said:
            yield f"`{item['id']}` is the id of no article"
        elif item["title"] not in [article["title"] for article in said]:
            yield f"{item['id']} is called `{item['title']}` instead of `{said[0]['title']}`"
        elif item["date"] not in [article[date] for article in said]:
            yield f"{item['id']} ({item['title']}) is dated {item['date']} instead of {said[0][date]}"


def check(reader, form, daemon, proxy):
    """Reads a feed once: what is wrong, and the requests that it took."""
    path, mark, before = f"/feeds/quan1.{form}", len(proxy.visits), daemon.articles()
    try:
        items = reader.read(proxy.address + path, form)
    except Exception as error:
        return 0, [f"cannot read it: {error}"], []
    visits = [visit[1:] for visit in proxy.visits[mark:] if visit[0] == path]
    date = "updated" if form in reader.updated else "published"
    return len(items), list(differences(items, date, before, daemon.articles())), visits


def parse(readers, daemon, proxy):
    """Every reader once, while things happen."""
    for reader, version, form in readers:
        count, wrong, _ = check(reader, form, daemon, proxy)
        yield f"{reader.name} {version}, {form}: {count} items", wrong


def again(readers, daemon, proxy):
    """Every reader again, while nothing happens: a 304 once it has validators."""
    for reader, version, form in readers:
        count, wrong, visits = 0, [], []
        for _ in range(1 + (reader.conditional or 1)):
            count, more, visits = check(reader, form, daemon, proxy)
            wrong += more
        if reader.conditional and not (visits and all(visit == (True, 304) for visit in visits)):
            wrong.append(f"with validators (or without), the last fetch was {visits} instead of a 304")
        elif not reader.conditional and [status for _, status in visits] != [200]:
            wrong.append(f"the last fetch was {visits} instead of a 200")
        how = f"304 from fetch {1 + reader.conditional} on" if reader.conditional else "sends no validators"
        yield f"{reader.name} {version}, {form}: {count} items, {how}", wrong


def present(scratch, phase):
    """Each reader that is installed, with its version, and each of its formats; at home in the phase's folder."""
    for make in programs.ALL:
        reader = make(scratch, phase)
        version = reader.version()
        if version is None:
            print(f"skipped: {reader.name} is not installed", flush=True)
            continue
        yield from ((reader, version, form) for form in reader.formats)


def recording(loa, scratch, config):
    """A recording of the portal as another reader of web archives sees it: whole, every digest right."""
    warcio, folder = scratch / "venv/bin/warcio", scratch / "recording"
    if not warcio.exists():
        print("skipped: warcio is not installed", flush=True)
        return
    command = [loa, "try", "quan1", "--config", str(config), "--record", str(folder)]
    made = subprocess.run(command, capture_output=True, text=True)
    warc = str(folder / "exchange.warc.gz")
    checked = subprocess.run([warcio, "check", "-v", warc], capture_output=True, text=True)
    fields = "offset,warc-type,warc-target-uri,http:status"
    index = subprocess.run([warcio, "index", "-f", fields, warc], capture_output=True, text=True)
    records = [json.loads(line) for line in index.stdout.splitlines()]
    kinds = [record["warc-type"] for record in records]
    answers = [record for record in records if record["warc-type"] == "response"]
    wrong = [] if made.returncode == 0 else [f"loa try ended with {made.returncode}: {made.stderr}"]
    if checked.returncode != 0 or "digest failed" in checked.stdout or "digest pass" not in checked.stdout:
        wrong.append(f"warcio check says: {checked.stdout}{checked.stderr}")
    if kinds[:1] != ["warcinfo"] or kinds.count("request") != len(answers) or len(answers) < 8:
        wrong.append(f"its records are {kinds}")
    if any(not record.get("http:status") for record in answers):
        wrong.append(f"there are answers without a status: {answers}")
    yield f"warcio, WARC: {len(records)} records, {len(answers)} answers", wrong


def report(title, results):
    print(title, flush=True)
    bad = 0
    for line, wrong in results:
        bad += bool(wrong)
        print(f"  {'WRONG' if wrong else 'right'}  {line}", flush=True)
        for what in wrong:
            print(f"         {what}", flush=True)
    return bad


def main(loa, scratch):
    scratch = pathlib.Path(scratch)
    loa = str(pathlib.Path(loa).resolve())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    proxy, data = Proxy(port), scratch / "data"
    public = ["--set", f"web.base_url={proxy.address}"]
    demo = [loa, "demo", "--listen", f"127.0.0.1:{port}", "--data", str(data), *public]
    serve = [loa, "serve", "--config", str(data / "loa.toml"), *public]
    with open(scratch / "loa.log", "w") as log:
        with Daemon(log, port, demo) as daemon:
            # Six stories of the archive, two news, and the first edit.
            daemon.wait_for(lambda all: len(all) >= 8 and any(one["revision"] > 1 for one in all.values()))
            readers = list(present(scratch, "demo"))
            bad = report("loa demo, while its portal publishes:", parse(readers, daemon, proxy))
            bad += report("loa try --record:", recording(loa, scratch, data / "loa.toml"))
        with Daemon(log, port, serve) as daemon:
            daemon.wait_for(lambda all: len(all) >= 8)
            readers = list(present(scratch, "serve"))
            bad += report("loa serve, the same store, its source down:", again(readers, daemon, proxy))
    proxy.close()
    return bad


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(1 if main(*sys.argv[1:]) else 0)
