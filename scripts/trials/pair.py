"""Two servers with homes of their own on one analysis folder: both analyse the same files and name people meanwhile."""

import os
import random
import threading
import time

from . import ground
from .ground import seconds_of

SEEN_WITHIN = 10
# A claim of another home's server is broken after a minute; so long in all the last file may take.
TAKEN_OVER_WITHIN = 90
# Of all files so many, in hundredths, may be analysed by both.
TWICE = 2


def add_arguments(parser):
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--kill", action="store_true", help="kill one of the two in the end: a claim lasts a minute")
    parser.add_argument("--alone", action="store_true", help="measure one server alone on as many files before")


def run(arguments):
    return ground.hold(arguments, pair)


class Naming(threading.Thread):
    """Gives names through one server until it is told to stop."""

    def __init__(self, server, clusters, word):
        super().__init__(daemon=True)
        self.server, self.clusters, self.word = server, clusters, word
        self.given, self.wrong, self.is_over = 0, None, threading.Event()

    def run(self):
        dice = random.Random(self.word)
        try:
            while not self.is_over.wait(dice.uniform(0.05, 0.3)):
                self.server.name_people({one: f"{self.word} {self.given}" for one in self.clusters})
                self.given += 1
        except OSError as error:
            self.wrong = error

    def end(self):
        self.is_over.set()
        self.join()


def analysed(task):
    """How many files a task has analysed itself, by its last words."""
    return int(task["message"].split(": ")[1].split(" analysed")[0])


def analyse(servers, folder):
    """(seconds, tasks) of an analysis that all these servers begin at once."""
    begun = time.monotonic()
    names = [server.analyze([folder]) for server in servers]
    tasks = [server.finish(name, 6000) for server, name in zip(servers, names)]
    return time.monotonic() - begun, tasks


def pair(here, arguments):
    count = arguments.files
    servers = [here.server("first"), here.server("second")]
    for server in servers:
        server.start()
    if arguments.alone:
        alone = here.folder("alone")
        # The same kind of files, and none of the same content.
        for number, path in enumerate(ground.stills(alone, count, distinct=1)):
            path.write_bytes(ground.png(100_000 + number))
        took, _ = analyse(servers[:1], alone)
        here.say("one server alone", f"{count} stills in {took:.1f} s, load {os.getloadavg()[0]:.1f}")
    clusters = servers[0].gather_people(ground.portraits(here.folder("portraits")))
    footage = here.folder("footage")
    ground.stills(footage, count)
    before = here.bundles()
    namings = [Naming(server, clusters, word) for server, word in zip(servers, ("Anna", "Ben"))]
    for naming in namings:
        naming.start()
    took, tasks = analyse(servers, footage)
    for naming in namings:
        naming.end()
    say_how_it_went(here, count, took, tasks, set(here.bundles()) - set(before))
    look_through_both(here, servers, footage, count)
    look_at_names(here, servers, namings)
    if arguments.kill:
        kill_one(here, servers)
    here.say_whether_sound()


def say_how_it_went(here, count, took, tasks, bundles):
    here.say("two servers", f"{count} stills in {took:.1f} s, load {os.getloadavg()[0]:.1f}: "
             + " / ".join(task["message"] for task in tasks),
             all(task["state"] == "completed" and not task["errors"] for task in tasks))
    twice = sum(analysed(task) for task in tasks) - count
    here.say("analysed by both", f"{twice} of {count}", 0 <= twice <= count * TWICE / 100)
    here.say("bundles", f"{len(bundles)}", len(bundles) == count)


def look_through_both(here, servers, footage, count):
    """Both have to find everything, by search and by what they say of the media."""
    paths = sorted(str(path) for path in footage.iterdir())

    def sees_all(server):
        rows = server.get("/media/metadata", {"cache_dir": str(here.cache), "media_paths": paths})["media"]
        if not all((row.get("analysis") or {}).get("visual") for row in rows):
            return False
        wanted = {"query": "a colour", "cache_dir": str(here.cache), "media_paths": paths, "min_similarity": 0,
                  "diversity": False, "max_results": min(count, 1000)}
        return len({match["video_path"] for match in server.get("/search/text", wanted)["matches"]}) == min(count, 1000)

    begun = time.monotonic()
    for server, name in zip(servers, ("first", "second")):
        seen = ground.wait_until(lambda server=server: sees_all(server), 3 * SEEN_WITHIN, 0.5)
        after = time.monotonic() - begun
        here.say(f"the {name} sees all", f"{after:.1f} s after the end", seen is not None and after <= SEEN_WITHIN)


def kill_one(here, servers):
    """One of two is killed in the middle: the other one does its part too."""
    films = [ground.film(here.top / f"film-{number}.mp4", 6, number * 40) for number in range(8)]
    tasks = [server.analyze(films) for server in servers]
    ground.wait_until(lambda: servers[1].get(f"/tasks/{tasks[1]}")["files_done"], 60)
    servers[1].process.kill()
    begun = time.monotonic()
    task = servers[0].finish(tasks[0])
    took = time.monotonic() - begun
    here.say("the other one was killed", f"all done {took:.1f} s later: {task['message']}",
             task["state"] == "completed" and not task["errors"] and took <= TAKEN_OVER_WITHIN)


def look_at_names(here, servers, namings):
    wrong = [naming.wrong for naming in namings if naming.wrong]
    here.say("names given meanwhile", f"{' and '.join(str(naming.given) for naming in namings)}, {len(wrong)} refused "
             f"{wrong[:1]}", not wrong and all(naming.given for naming in namings))
    agree = ground.wait_until(lambda: servers[0].people() == servers[1].people(), SEEN_WITHIN, 0.5)
    names = servers[0].people()
    last = {f"{naming.word} {naming.given - 1}" for naming in namings}
    here.say("both know the same names", f"after {seconds_of(agree)}: {sorted(set(names.values()))}",
             agree is not None and set(names.values()) <= last and len(set(names.values())) == 1)
