"""Damage: the catalogue is gone, and bits of analyses have flipped. Each is found, and only its medium done again."""

import random
import time

from . import ground
from .ground import seconds_of


def add_arguments(parser):
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--flips", type=int, help="how many bundles are damaged; a tenth when absent")
    parser.add_argument("--seed", type=int, default=1)


def run(arguments):
    return ground.hold(arguments, restore)


def restore(here, arguments):
    count, dice = arguments.files, random.Random(arguments.seed)
    footage, server = here.folder("footage"), here.server("home")
    ground.stills(footage, count)
    server.start()
    watched = server.watch(footage)
    took = ground.wait_until(lambda: server.stats(watched).get("processed") == count, 60 + count)
    here.say("analysed", f"{count} stills in {seconds_of(took)}", took is not None)
    server.process.stop()
    for path in server.folder.glob("catalogue.db*"):
        path.unlink()
    sound = here.bundles()
    flipped = dice.sample(sorted(sound), arguments.flips or max(1, count // 10))
    for path in flipped:
        flip(path, dice)
    told, took = repaired(here, server)
    here.say("flips found by repair", f"{len(told & set(flipped))} of {len(flipped)} in {took:.1f} s, "
             f"{len(told - set(flipped))} others", told == set(flipped))
    here.say("the catalogue rebuilt", f"{took:.1f} s for {count} media ({scaled(took, count):.0f} s for 10,000)",
             scaled(took, count) <= 60)
    before = here.bundles()
    here.say("put aside", f"{len(sound) - len(before)} bundles", set(sound) - set(before) == set(flipped))
    ready = server.start()
    took = ground.wait_until(lambda: server.stats(watched).get("processed") == count, 60 + count)
    after = here.bundles()
    again = {path for path in after if after[path] != before.get(path)}
    here.say("analysed again", f"{len(again & set(flipped))} of {len(flipped)} damaged, {len(again - set(flipped))} "
             "others", again == set(flipped))
    here.say("the watch folder knows all again", f"ready in {ready:.2f} s, {count} media in {seconds_of(took)}, those "
             "analysed again included", took is not None)
    here.say_whether_sound()


def scaled(seconds, count):
    """What it would take for 10,000."""
    return seconds * 10_000 / count


def flip(path, dice):
    with open(path, "r+b") as bundle:
        size = bundle.seek(0, 2)
        place = dice.randrange(size)
        bundle.seek(place)
        byte = bundle.read(1)[0]
        bundle.seek(place)
        bundle.write(bytes([byte ^ (1 << dice.randrange(8))]))


def repaired(here, server):
    """(the bundles that repair calls damaged, seconds)"""
    begun = time.monotonic()
    told = here.rushes("repair", "--cache-dir", str(here.cache), home=server.folder)
    took = time.monotonic() - begun
    if told.returncode:
        raise OSError(told.stdout + told.stderr)
    damaged = [line.removeprefix("damaged: ") for line in told.stdout.splitlines() if line.startswith("damaged: ")]
    return {line[:line.index(".rvb") + 4] for line in damaged}, took
