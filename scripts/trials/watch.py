"""A watch folder and all that happens to it: slow copies, rsync, renames, many files, volumes that go and come back.

Each part has an analysis folder and a watch folder of its own on one server. The number of bundles tells whether
anything was analysed that is not there in the end: a file of which only a part was there is another medium.
"""

import concurrent.futures
import contextlib
import itertools
import os
import shutil
import subprocess
import threading
import time

from . import ground
from .ground import ffmpeg, seconds_of

SEEN_WITHIN = 30
IDLE_PERCENT = 1.0
MEGABYTE = 1_000_000
HOUR = 3600


def add_arguments(parser):
    parser.add_argument("--files", type=int, default=10_000, help="how many are dropped at once")
    parser.add_argument("--seconds", type=int, default=300, help="how long a copy at 1 MB/s takes")
    parser.add_argument("--idle", type=int, default=60, help="seconds of idling that are measured")
    parser.add_argument("--only", action="append", choices=sorted(PARTS), help="a part; may be given several times")


def run(arguments):
    return ground.hold(arguments, watch)


class Part:
    """A watch folder with an analysis folder of its own."""

    def __init__(self, here, server, name, folder=None, cache=None, **more):
        self.here, self.server, self.name = here, server, name
        self.folder = folder or here.folder(name)
        self.cache = cache or here.folder(f"{name}-analysis")
        self.id = server.watch(self.folder, cache_dir=str(self.cache), **more)
        self.drawer = here.folder(f"{name}-drawer")
        ground.wait_until(lambda: server.stats(self.id).get("method"), 20)

    def stats(self):
        return self.server.stats(self.id)

    def all_processed(self, count, seconds=60):
        """Whether so many files, and no others, are there and analysed, within so many seconds."""
        def is_so():
            stats = self.stats()
            return (stats["processed"], stats["pending"], stats["failed"]) == (count, 0, 0)
        return ground.wait_until(is_so, seconds)

    def errors(self):
        tasks = self.server.get("/tasks")["tasks"]
        return [error for task in tasks if task.get("watch_folder") == self.id for error in task["errors"]]

    def say(self, what, files, bundles=None, seconds=60, holds=True):
        """Says whether these files were analysed, and nothing else was."""
        took = self.all_processed(files, seconds)
        made, wanted, errors = len(self.here.bundles(self.cache)), files if bundles is None else bundles, self.errors()
        whole = took is not None and made == wanted and not errors
        told = f"; {self.stats()} {errors[:1]}" if not whole else ""
        self.here.say(f"{self.name}: {what}", f"{files} files known, {made} analyses for {wanted}, "
                      f"{len(errors)} errors, all done {seconds_of(took)} after the end{told}", holds and whole)

    def close(self):
        self.server.call(f"/watch-folders/{self.id}", method="DELETE")


def slow_copy(source, target, rate=MEGABYTE, after=None):
    """Writes a file at a rate, a tenth of a second at a time; with `after` each part is followed by that."""
    with open(source, "rb") as read, open(target, "wb", buffering=0) as write:
        begun, part = time.monotonic(), rate // 10
        for number in itertools.count(1):
            data = read.read(part)
            if not data:
                return
            write.write(data)
            if after:
                after(target)
            time.sleep(max(0, begun + number / 10 - time.monotonic()))


def large_film(path, megabytes, *options):
    """A film of so many megabytes. Noise does not compress."""
    noise = "testsrc2=s=640x360:r=25,noise=alls=60:allf=t"
    coded = ["-g", "12", "-c:v", "mpeg4", "-q:v", "2", "-fs", str(megabytes * MEGABYTE)]
    ffmpeg("-f", "lavfi", "-i", noise, *coded, *options, str(path))
    return path


def copies(here, server, arguments):
    """Three files at 1 MB/s: one whose table stands at its end, one at its beginning, one dated an hour ahead."""
    part = Part(here, server, "copies")
    late = large_film(part.drawer / "late.mp4", arguments.seconds)
    early = large_film(part.drawer / "early.mp4", arguments.seconds, "-movflags", "+faststart")
    stream = large_film(part.drawer / "stream.ts", arguments.seconds)

    def ahead(target):
        os.utime(target, (time.time() + HOUR,) * 2)

    threads = [threading.Thread(target=slow_copy, args=(late, part.folder / "late.mp4")),
               threading.Thread(target=slow_copy, args=(early, part.folder / "early.mp4")),
               threading.Thread(target=slow_copy, args=(stream, part.folder / "stream.ts", MEGABYTE, ahead))]
    for thread in threads:
        thread.start()
    before = 0
    while any(thread.is_alive() for thread in threads):
        before = max(before, len(here.bundles(part.cache)) - sum(not thread.is_alive() for thread in threads))
        time.sleep(0.2)
    part.say(f"3 files at 1 MB/s, {arguments.seconds} MB each", 3, seconds=120 + arguments.seconds, holds=not before)
    part.close()


def rsync(here, server, _):
    part = Part(here, server, "rsync")
    for number in range(4):
        ground.film(part.drawer / f"take-{number}.mp4", 8, number * 40, "640x360", "-b:v", "3M")
    if shutil.which("rsync"):
        command = ["rsync", "-a", "--bwlimit=1500", f"{part.drawer}/", f"{part.folder}/"]
        subprocess.run(command, check=True)
        # Once more, over what is there, with other content.
        ground.film(part.drawer / "take-0.mp4", 8, 200, "640x360", "-b:v", "3M")
        part.say("rsync, which names files when they are whole", 4)
        subprocess.run(command, check=True)
        # Until it has noticed.
        ground.wait_until(lambda: len(here.bundles(part.cache)) == 5, 30)
        part.say("one of them sent once more, changed", 4, bundles=5)
    else:
        here.say("rsync", "not installed: not tried")
    part.close()


def renames(here, server, _):
    """What is renamed, in whatever hurry, is not analysed again and is known by its last name."""
    part = Part(here, server, "renames")
    ground.stills(part.folder, 100)
    part.say("100 files", 100, seconds=120)
    before = here.bundles(part.cache)
    for turn in range(20):
        for number, path in enumerate(sorted(part.folder.iterdir())):
            path.rename(part.folder / f"turn-{turn:02}-{number:05}.png")
    first = min(part.folder.iterdir())
    first.rename(first.with_suffix(".PNG"))
    first.with_suffix(".PNG").rename(first.with_name(first.name.upper()))
    # Until the last of the names has settled.
    time.sleep(8)
    part.say("2,000 renames and two of case only", 100)
    changed = [path for path, stamp in here.bundles(part.cache).items() if before.get(path) != stamp]
    rows = server.get("/media/metadata", {"cache_dir": str(part.cache), "media_paths": [
        str(path) for path in sorted(part.folder.iterdir())]})["media"]
    unknown = [row for row in rows if not (row.get("analysis") or {}).get("visual")]
    here.say("renames: analysed again", f"{len(changed)}, unknown by the last name {len(unknown)}",
             not changed and not unknown)
    part.close()


def clocks(here, server, _):
    """Files that are dated an hour back or ahead count as others do."""
    part = Part(here, server, "clocks")
    for path, hours in zip(ground.stills(part.drawer, 4), (-1, 1, -24 * 365, 24)):
        target = part.folder / path.name
        shutil.copy(path, target)
        os.utime(target, (time.time() + hours * HOUR,) * 2)
    part.say("files from an hour ago, in an hour, a year ago and tomorrow", 4)
    part.close()


def mount(*arguments):
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def can_mount(here):
    place = here.folder("mount-attempt")
    try:
        mount("-t", "tmpfs", "none", str(place))
    except (OSError, subprocess.CalledProcessError):
        return False
    subprocess.run(["umount", str(place)], check=True)
    return True


def volumes(here, server, _):
    """A volume that goes in the middle of a copy, comes back, and comes back as another device."""
    if not can_mount(here):
        here.say("volumes", "nobody may mount anything here: not tried")
        return
    place, disks = here.folder("volume"), [here.folder("disk-1"), here.folder("disk-2")]
    with contextlib.ExitStack() as mounted:
        for disk in disks:
            mount("-t", "tmpfs", "none", str(disk))
            mounted.callback(subprocess.run, ["umount", "-l", str(disk)], check=False)
        mounted.callback(subprocess.run, ["umount", "-l", str(place)], check=False, capture_output=True)
        ground.stills(disks[0], 10)
        mount("--bind", str(disks[0]), str(place))
        part = Part(here, server, "volume", place)
        go_and_come_back(here, part, place, disks)
        part.close()


def go_and_come_back(here, part, place, disks):
    part.say("10 files on a volume", 10)
    before = here.bundles(part.cache)
    source = large_film(part.drawer / "copied.mp4", 8, "-movflags", "+faststart")
    copying = threading.Thread(target=slow_copy, args=(source, place / "copied.mp4"))
    copying.start()
    time.sleep(4)
    subprocess.run(["umount", "-l", str(place)], check=True)
    offline = ground.wait_until(lambda: part.stats().get("offline"), 20)
    stats = part.stats()
    known, failed = stats["processed"], stats["failed"]
    here.say("volume: gone in the middle of a copy", f"offline after {seconds_of(offline)}, {known} files known, "
             f"{failed} failed", offline is not None and (known, failed) == (10, 0))
    copying.join()
    mount("--bind", str(disks[0]), str(place))
    part.say("back, the copy at its end", 11)
    subprocess.run(["umount", "-l", str(place)], check=True)
    ground.wait_until(lambda: part.stats().get("offline"), 20)
    for path in disks[0].iterdir():
        shutil.copy2(path, disks[1])
    mount("--bind", str(disks[1]), str(place))
    back = ground.wait_until(lambda: not part.stats().get("offline"), 20)
    part.say(f"back as another device after {seconds_of(back)}", 11)
    changed = [path for path, stamp in before.items() if here.bundles(part.cache).get(path) != stamp]
    here.say("volume: analysed again", f"{len(changed)} of 10", not changed)


def many(here, server, arguments):
    """Many files at once, a hundred contents in all, and what it costs to know them."""
    count = arguments.files
    part = Part(here, server, "many")
    begun = time.monotonic()
    ground.stills(part.folder, count, distinct=100)
    dropped = time.monotonic() - begun

    def are_seen():
        stats = part.stats()
        return stats["pending"] + stats["processed"] + stats["failed"] >= count

    seen = ground.wait_until(are_seen, 10 * SEEN_WITHIN)
    here.say(f"many: {count} files seen", f"{seconds_of(seen)} after the last was dropped, which took {dropped:.1f} s; "
             f"load {os.getloadavg()[0]:.1f}", seen is not None and seen <= SEEN_WITHIN)
    part.say("all", count, min(count, 100), seconds=60 + count / 5)
    idle(here, server, part, "native", arguments.idle)
    part.close()
    polled = Part(here, server, "polled", part.folder, part.cache, method="poll")
    polled.say("all, by polling", count, min(count, 100), seconds=60 + count / 5)
    idle(here, server, polled, "poll", arguments.idle)
    polled.close()


def idle(here, server, part, method, seconds):
    """What a server costs that has nothing to do, in hundredths of a processor."""
    # Until what came before has settled.
    time.sleep(5)
    before, begun = server.processor_seconds(), time.monotonic()
    time.sleep(seconds)
    percent = 100 * (server.processor_seconds() - before) / (time.monotonic() - begun)
    stats = part.stats()
    here.say(f"idle, {method}", f"{percent:.2f} % of a processor over {seconds} s, {stats['processed']} files known",
             percent < IDLE_PERCENT and stats["method"] == method)


PARTS = {part.__name__: part for part in (clocks, renames, rsync, volumes, copies, many)}


def watch(here, arguments):
    server = here.server("home")
    server.start()
    wanted = [PARTS[name] for name in arguments.only or PARTS]
    with concurrent.futures.ThreadPoolExecutor() as together:
        # Most of what a part does is to wait.
        parts = [together.submit(part, here, server, arguments) for part in wanted if part is not many]
        for part in parts:
            part.result()
    if many in wanted:
        many(here, server, arguments)
    here.say("the end", f"status {server.process.stop()}")
