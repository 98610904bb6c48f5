"""Days of use: a folder that is watched, footage that is analysed again and again, searches. Nothing may pile up.

The media are always the same: files come into the watched folder and go, all senses look at one film after another, so
that whatever grows after the first rounds is not knowledge. What is measured begins once all of them had their turn.
"""

import collections
import pathlib
import shutil
import struct
import time

import live

from . import ground

MEGABYTES_AN_HOUR = 1.0
FILES_MORE = 5
# Films that come and go, and how many of them are in the folder.
FILMS, THERE = 40, 10
# What is analysed with all senses, and what is asked.
CLIPS = ("bikes.mp4", "carphone_pristine.mp4", "bigbuckbunny.mp4", "sample.wav")
QUERIES = ("people riding bicycles", "a rabbit", "a man in a car", "said:\"the\"", "text:\"the\"")
# Seconds from one search, one change of the folder, one analysis, one measurement to the next.
SEARCH, CHANGE, ANALYSE, MEASURE = 2, 10, 60, 15


def add_arguments(parser):
    parser.add_argument("--minutes", type=float, default=24 * 60)
    parser.add_argument("--warm", type=float, default=60, help="minutes before anything is measured")


def run(arguments):
    return ground.hold(arguments, soak)


class Soak:
    """A server in use."""

    def __init__(self, here):
        self.here, self.server = here, here.server("home")
        self.drawer, self.folder = here.folder("drawer"), here.folder("watched")
        self.films = [self.film(number) for number in range(FILMS)]
        self.counts, self.samples, self.task, self.turn = collections.Counter(), [], None, collections.Counter()
        self.server.start()
        self.watched = self.server.watch(self.folder)
        # There has to be something said and something to read before that can be searched.
        for _ in CLIPS:
            self.analyse()
            self.server.finish(self.task)

    def film(self, number):
        """A film of its own: that which all have, and a box at its end that players pass over."""
        common = self.drawer / "common.mp4"
        if not common.exists():
            ground.film(common, 4)
        path = self.drawer / f"take-{number:02}.mp4"
        path.write_bytes(common.read_bytes() + struct.pack(">I4sQ", 16, b"free", number))
        return path

    def next(self, kind, among):
        self.turn[kind] += 1
        return among[self.turn[kind] % len(among)]

    def search(self):
        body = {"query": self.next("search", QUERIES), "cache_dir": str(self.here.cache)}
        self.counts[f"searches {self.server.call('/search/text', body)[0]}"] += 1

    def change(self):
        film = self.next("change", self.films)
        shutil.copy(film, self.folder)
        (self.folder / self.films[(self.turn["change"] - THERE) % FILMS].name).unlink(missing_ok=True)

    def analyse(self):
        if self.task:
            task = self.server.get(f"/tasks/{self.task}")
            if task["state"] in ("queued", "running"):
                return
            self.counts[f"analyses {task['state']}, {len(task['errors'])} errors"] += 1
        clip = live.test_media() / self.next("analyse", CLIPS)
        self.task = self.server.analyze([clip], force=True, ocr=True, speech=True, faces=True, cluster_job_name="cast")

    def measure(self):
        process = pathlib.Path(f"/proc/{self.server.pid}")
        lines = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        files = len(list((process / "fd").iterdir()))
        self.samples.append((time.monotonic(), int(lines["VmRSS"].split()[0]) / 1024, files, int(lines["Threads"])))

    def zombies(self):
        dead = 0
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            dead += fields[0] == "Z" and int(fields[1]) == self.server.pid
        return dead

    def go_on_until(self, end):
        due = dict.fromkeys((self.search, self.change, self.analyse, self.measure), 0.0)
        pace = dict(zip(due, (SEARCH, CHANGE, ANALYSE, MEASURE)))
        while time.monotonic() < end:
            for work, when in due.items():
                if time.monotonic() >= when:
                    work()
                    due[work] = time.monotonic() + pace[work]
            time.sleep(0.2)


def slope(samples):
    """Megabytes an hour: the line that fits best."""
    hours, sizes = [sample[0] / 3600 for sample in samples], [sample[1] for sample in samples]
    middle, size = sum(hours) / len(hours), sum(sizes) / len(sizes)
    spread = sum((hour - middle) ** 2 for hour in hours)
    return sum((hour - middle) * (one - size) for hour, one in zip(hours, sizes)) / spread


def soak(here, arguments):
    one = Soak(here)
    begun = time.monotonic()
    one.go_on_until(begun + arguments.minutes * 60)
    if one.task:
        one.server.finish(one.task)
    measured = [sample for sample in one.samples if sample[0] > begun + arguments.warm * 60]
    grown = slope(measured)
    first, last = (sum(sample[1] for sample in part) / len(part) for part in (measured[:20], measured[-20:]))
    here.say("memory", f"{grown:+.2f} MB an hour in {(arguments.minutes - arguments.warm) / 60:.1f} h, {first:.0f} MB at "
             f"first and {last:.0f} MB at last", grown < MEGABYTES_AN_HOUR)
    for place, what in ((2, "open files"), (3, "threads")):
        before, after = (max(sample[place] for sample in part) for part in (measured[:20], measured[-20:]))
        here.say(what, f"at most {before} at first and {after} at last", after <= before + FILES_MORE)
    here.say("zombies", f"{one.zombies()}", not one.zombies())
    stats = one.server.stats(one.watched)
    here.say("watched", f"{one.turn['change']} files came, {stats}", not stats["failed"])
    wrong = [what for what in one.counts if not what.endswith((" 200", "completed, 0 errors"))]
    here.say("what was done", dict(one.counts), not wrong)
    here.say("the end", f"status {one.server.process.stop()}")
    here.say_whether_sound()
