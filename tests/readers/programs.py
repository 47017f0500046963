"""How each reader is run, and where it keeps what it read.

A reader is a class with `name`, `formats`, `updated` (the formats in which it shows when an item was updated, not when
it was published), `conditional` (after how many fetches it sends validators; None for never), `version()` (None where
it is not installed) and `read(url, format)`, called several times for the same feed: a list of items with `id`, `title`
and `date` in seconds.
"""

import email
import email.header
import email.utils
import json
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess

HERE = pathlib.Path(__file__).parent


def run(command, folder, **environment):
    """Runs a reader at home in `folder`; its output, or an error with its last words."""
    environment = {**os.environ, "HOME": str(folder), "LC_ALL": "C.UTF-8", "TZ": "UTC", **environment}
    done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {(done.stderr or done.stdout)[-500:]}")
    return done.stdout


def said(pattern, command):
    """A version, found by `pattern` in what a command says."""
    done = subprocess.run(command, stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=60)
    found = re.search(pattern, done.stdout)
    return found.group(1) if found else "of unknown version"


def packaged(package):
    """The version of a Debian package."""
    return said(r"(\d[^\s]*)", ["dpkg-query", "-W", "-f", "${Version}", package]) if shutil.which("dpkg-query") else "?"


class Reader:
    updated, conditional = [], 1

    def __init__(self, scratch, phase):
        self.scratch, self.phase = pathlib.Path(scratch), phase

    def folder(self, form):
        folder = self.scratch / self.phase / self.name.replace("/", "_") / form
        folder.mkdir(parents=True, exist_ok=True)
        return folder


class Newsboat(Reader):
    """It keeps validators only of a feed that it has kept before: those of the second answer."""

    name, formats, conditional = "newsboat", ["rss", "atom"], 2

    def version(self):
        return said(r"(\d+\.\d+\S*)", ["newsboat", "--version"]) if shutil.which("newsboat") else None

    def read(self, url, form):
        folder = self.folder(form)
        (folder / "urls").write_text(url + "\n")
        (folder / "config").write_text("")
        run(["newsboat", "-C", "config", "-u", "urls", "-c", "cache.db", "-x", "reload"], folder)
        with sqlite3.connect(folder / "cache.db") as cache:
            rows = cache.execute("select guid, title, pubDate from rss_item").fetchall()
        return [{"id": guid, "title": title, "date": date} for guid, title, date in rows]


class Sfeed(Reader):
    name, formats, conditional = "sfeed", ["rss", "atom"], None

    def version(self):
        return packaged("sfeed") if shutil.which("sfeed_update") and shutil.which("curl") else None

    def read(self, url, form):
        folder = self.folder(form)
        (folder / "sfeedrc").write_text(f'sfeedpath="{folder}/feeds"\nfeeds() {{\n\tfeed "quan1" "{url}"\n}}\n')
        run(["sfeed_update", "sfeedrc"], folder)
        rows = [line.split("\t") for line in (folder / "feeds/quan1").read_text().splitlines()]
        return [{"id": row[5], "title": row[1], "date": int(row[0])} for row in rows]


class Rss2email(Reader):
    """Its mails go to a script that keeps them in a folder."""

    name, formats, updated = "rss2email", ["rss", "atom"], ["rss", "atom"]

    def version(self):
        return said(r"(\d+\.\d+\S*)", ["r2e", "--version"]) if shutil.which("r2e") else None

    def read(self, url, form):
        folder = self.folder(form)
        mails = folder / "mails"
        r2e = ["r2e", "-c", "rss2email.cfg", "-d", "feeds.json"]
        if not mails.exists():
            mails.mkdir()
            stub = folder / "sendmail"
            stub.write_text(f'#!/bin/sh\nexec cat >"$(mktemp "{mails}/XXXXXXXX")"\n')
            stub.chmod(0o755)
            run([*r2e, "new", "reader@example.org"], folder)
            config = (folder / "rss2email.cfg").read_text()
            for key, value in [("email-protocol", "sendmail"), ("sendmail", stub), ("date-header", "True")]:
                config = re.sub(rf"(?m)^{key} = .*$", f"{key} = {value}", config)
            (folder / "rss2email.cfg").write_text(config)
            run([*r2e, "add", "quan1", url], folder)
        run([*r2e, "run"], folder)
        return [self.item(email.message_from_bytes(mail.read_bytes())) for mail in mails.iterdir()]

    @staticmethod
    def item(mail):
        title = str(email.header.make_header(email.header.decode_header(mail["Subject"])))
        date = email.utils.parsedate_to_datetime(mail["Date"]).timestamp()
        return {"id": mail["X-RSS-ID"], "title": " ".join(title.split()), "date": int(date)}


class Feedparser(Reader):
    name, formats = "feedparser", ["rss", "atom"]

    def python(self):
        return self.scratch / "venv/bin/python"

    def version(self):
        if not self.python().exists():
            return None
        found = said(r"^(\d+\.\d+\S*)", [self.python(), "-c", "import feedparser; print(feedparser.__version__)"])
        return None if found.startswith("of") else found

    def read(self, url, form):
        folder = self.folder(form)
        return json.loads(run([self.python(), HERE / "feedparser_reader.py", url, "state.json"], folder))


class Node(Reader):
    conditional = None

    def version(self):
        about = self.scratch / "npm/node_modules" / self.name / "package.json"
        return json.loads(about.read_text())["version"] if about.exists() and shutil.which("node") else None

    def read(self, url, form):
        script = ["node", HERE / "node_reader.mjs", self.scratch / "npm", self.name, url]
        return json.loads(run(script, self.folder(form)))


class RssParser(Node):
    name, formats = "rss-parser", ["rss", "atom"]


class FeedExtractor(Node):
    name, formats, updated = "@extractus/feed-extractor", ["rss", "atom", "json"], ["atom"]


ALL = [Newsboat, Sfeed, Rss2email, Feedparser, RssParser, FeedExtractor]
