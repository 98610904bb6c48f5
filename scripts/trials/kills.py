"""kill -9 at random moments: what was acknowledged is there, nothing is half, and little is done again.

Each round starts the server, checks everything that earlier rounds were told, lets four callers work (analyses, names
of people, watch folders, exports) and kills the server at a moment of the seed's choosing. What the callers do is the
seed's choice as well; how far they get is not, so that a seed shows the same kinds of kills and not the same bytes.
"""

import contextlib
import http.client
import os
import random
import subprocess
import threading
import time

from . import ground

# From the start of the callers to the kill, in seconds; of some rounds longer, so that exports end as well.
SHORTEST, USUAL, LONGEST, SOME = 0.02, 1.5, 6.0, 0.15
READY_WITHIN = 2.0
# What decodes or encodes ends when it next has something to write, and finds that nobody reads it.
GONE_WITHIN = 5.0
# Files that are analysed at once by default, each by one worker.
WORKERS = 2
# Ended tasks are kept a thousand long; those of so many rounds are far less.
ROUNDS_REMEMBERED = 20
# So many kills in a row at one file, and it is given up; as it should be, for all that a server can know.
GIVEN_UP = "ended 4 times in a row"
GONE = (OSError, http.client.HTTPException, ValueError)


def add_arguments(parser):
    parser.add_argument("--rounds", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clips", type=int, default=24)


def run(arguments):
    return ground.hold(arguments, kills)


def went_wrong(task):
    return any(GIVEN_UP not in error["message"] for error in task["errors"])


class Caller:
    """Somebody who asks for changes until the server is gone, and remembers what was acknowledged."""

    def __init__(self, world):
        self.world, self.server = world, world.server
        self.acknowledged, self.refused = 0, []

    def work(self, dice):
        """Changes without end."""
        with contextlib.suppress(*GONE):
            while True:
                self.change(dice)
                time.sleep(dice.uniform(0, 0.05))

    def ask(self, path, body=None, method=None):
        """The answer of a change, which is acknowledged by that."""
        status, answer = self.server.call(path, body, method)
        if status not in (200, 201, 202):
            self.refused.append((path, body, status, answer))
            raise ValueError("refused")
        self.acknowledged += 1
        return answer


class Analysing(Caller):
    """Asks for analyses and has them cancelled, wait and go on."""

    def __init__(self, world, clips):
        super().__init__(world)
        self.clips, self.tasks, self.open, self.given_up = clips, {}, None, set()

    def free_clips(self):
        busy = {clip for task in self.tasks.values() if not task["over"] for clip in task["clips"]}
        return [clip for clip in self.clips if clip not in busy]

    def change(self, dice):
        going = sorted(name for name, task in self.tasks.items() if not task["over"])
        free = self.free_clips()
        if len(free) >= 4 and (len(going) < 2 or dice.random() < 0.3):
            self.begin(dice.sample(free, dice.randint(2, 4)), dice.random() < 0.7)
        elif going:
            self.steer(dice.choice(going), dice)
        self.look()

    def begin(self, clips, force):
        answer = self.ask("/analyze", {"cache_dir": str(self.world.here.cache), "media_paths": [str(c) for c in clips],
                                       "force": force, **ground.LOOK, "sampling": "full"})
        self.tasks[answer["task_id"]] = {"clips": clips, "force": force, "wish": None, "over": False, "done": 0,
                                         "writes": {}, "round": self.world.round}

    def steer(self, name, dice):
        wish, path = dice.choices((("cancelled", "cancel"), ("paused", "pause"), (None, "resume")), (1, 2, 4))[0]
        task = self.tasks[name]
        if task["wish"] == "cancelled":
            return
        self.open = name
        status, answer = self.server.call(f"/analyze/{path}", {"task_id": name})
        # One that has ended meanwhile cannot wait.
        if status == 200 and answer.get("message") != "The task had already ended":
            task["wish"], self.acknowledged = wish, self.acknowledged + 1
        self.open = None

    def look(self):
        for told in self.server.get("/tasks")["tasks"]:
            task = self.tasks.get(told["task_id"])
            if task:
                task["done"] = max(task["done"], told["files_done"])
                task["over"] = told["state"] not in ("queued", "running")
                self.given_up |= {(told["task_id"], error["media_path"]) for error in told["errors"]}
                if went_wrong(told) or told["state"] == "failed":
                    self.refused.append(("errors", None, 0, told))

    def check(self):
        """What is wrong with the tasks after a restart."""
        there, wrong = {task["task_id"]: task for task in self.server.get("/tasks")["tasks"]}, []
        for name, task in self.tasks.items():
            told = there.get(name)
            if told is None:
                wrong.append(f"task {name} is lost")
            elif name == self.open:
                task["wish"] = self.wish_of(told)
            elif task["over"] and told["state"] in ("queued", "running"):
                wrong.append(f"task {name} is not over any more: {told}")
            elif task["wish"] == "cancelled" and told["state"] not in ("cancelled", "completed"):
                wrong.append(f"task {name} was cancelled and is {told['state']}")
            elif not task["over"] and told["state"] in ("queued", "running"):
                if told["paused"] != (task["wish"] == "paused"):
                    wrong.append(f"task {name} should wait: {task['wish']}, {told}")
                # That a file had been analysed before is found out again, and not kept.
                if task["force"] and told["files_done"] < task["done"]:
                    wrong.append(f"task {name} had done {task['done']} files and has {told['files_done']}")
        self.open = None
        old = self.world.round - ROUNDS_REMEMBERED
        self.tasks = {name: task for name, task in self.tasks.items() if not task["over"] or task["round"] > old}
        return wrong

    @staticmethod
    def wish_of(told):
        return "cancelled" if told["state"] == "cancelled" else "paused" if told["paused"] else None

    def resume_all(self):
        for name, task in self.tasks.items():
            if not task["over"] and task["wish"] == "paused":
                self.server.call("/analyze/resume", {"task_id": name})


class Naming(Caller):
    """Names people, merges two of them and takes that back."""

    def __init__(self, world, clusters):
        super().__init__(world)
        self.names, self.count = dict.fromkeys(clusters, ""), 0
        self.absorbed, self.before, self.maybe = None, None, None

    def cast(self, **more):
        return {"cache_dir": str(self.world.here.cache), "cluster_job_name": "cast", **more}

    def change(self, dice):
        self.count += 1
        ids = sorted(self.names)
        if self.absorbed is not None:
            # What was acknowledged last is the merge, so that this is what is taken back.
            self.attempt(self.before, "/faces/clusters/undo", self.cast(), None)
            self.absorbed = None
        elif dice.random() < 0.3 and len(ids) > 1:
            into, gone = dice.sample(ids, 2)
            left = {one: name for one, name in self.names.items() if one != gone}
            before = self.names
            merge = {"cluster_ids": [gone], "target_cluster_id": into}
            self.attempt(left, "/faces/clusters/modify", self.cast(merges=[merge]), None)
            self.absorbed, self.before = gone, before
        else:
            names = {one: f"{self.count}-{one[:4]}" for one in ids}
            said = [{"cluster_id": one, "name": name} for one, name in names.items()]
            self.attempt(names, "/faces/clusters/names", self.cast(assignments=said), "PUT")

    def attempt(self, then, path, body, method):
        self.maybe = then
        self.ask(path, body, method)
        self.names, self.maybe = then, None

    def check(self):
        there = self.server.people()
        wrong = [] if there in (self.names, self.maybe) else [f"people: {there}, not {self.names} nor {self.maybe}"]
        if self.maybe is not None and there == self.maybe:
            merged = len(there) < len(self.names)
            self.absorbed = next(iter(set(self.names) - set(there)), None) if merged else None
            self.before = self.names
        elif self.maybe is not None and len(self.maybe) > len(self.names):
            # The merge stands: it is to be taken back still.
            self.absorbed = next(iter(set(self.maybe) - set(self.names)))
        self.names, self.maybe = there, None
        return wrong


class Watching(Caller):
    """Makes, changes and removes watch folders."""

    def __init__(self, world, folders):
        super().__init__(world)
        self.folders, self.known, self.maybe = folders, {}, None

    def settings(self, dice):
        return {"path": str(dice.choice(self.folders)), "cache_dir": str(self.world.here.cache), "speech": False,
                "sampling": "fast", "enabled": dice.random() < 0.7, "recursive": dice.random() < 0.5}

    def change(self, dice):
        settings, some = self.settings(dice), sorted(self.known)
        taken = {known["path"] for known in self.known.values()}
        if settings["path"] not in taken and (len(some) < 2 or dice.random() < 0.5):
            self.maybe = (None, settings)
            self.known[self.ask("/watch-folders", settings)["id"]] = settings
        elif some and dice.random() < 0.6:
            name = dice.choice(some)
            changed = {**settings, "path": self.known[name]["path"]}
            self.maybe = (name, changed)
            self.ask(f"/watch-folders/{name}", changed, "PUT")
            self.known[name] = changed
        elif some:
            name = dice.choice(some)
            self.maybe = (name, None)
            status, _ = self.server.call(f"/watch-folders/{name}", method="DELETE")
            self.acknowledged += status in (200, 204)
            del self.known[name]
        self.maybe = None

    def check(self):
        told = self.server.get("/watch-folders")["watch_folders"]
        there = {one["id"]: {key: one[key] for key in self.settings(random.Random(0))} for one in told}
        wrong = []
        name, settings = self.maybe or (None, None)
        for one in there.keys() | self.known.keys():
            known, found = self.known.get(one), there.get(one)
            is_open = self.maybe and (one == name and found == settings or known is None and found == settings)
            if known != found and not is_open:
                wrong.append(f"watch folder {one}: {found}, not {known}")
        self.known, self.maybe = there, None
        return wrong


class Exporting(Caller):
    """Exports clips, at most a few at a time."""

    def __init__(self, world, source, output):
        super().__init__(world)
        self.source, self.output, self.tasks, self.written = source, output, {}, 0

    def change(self, dice):
        time.sleep(0.05)
        there = {task["task_id"]: task for task in self.server.get("/tasks")["tasks"]}
        going = [name for name in self.tasks if there.get(name, {}).get("state") in ("queued", "running")]
        if len(going) < 2:
            begins = dice.uniform(0, 4)
            clips = [{"media_path": str(self.source), "start_seconds": begins, "end_seconds": begins + 1,
                      "name": f"{self.world.round}-{len(self.tasks)}-{number}"} for number in range(2)]
            mode = dice.choice(("copy", "reencode"))
            body = {"clips": clips, "output_dir": str(self.output), "mode": mode}
            self.tasks[self.ask("/export/clips", body)["task_id"]] = self.world.round

    def check(self):
        there = {task["task_id"]: task for task in self.server.get("/tasks")["tasks"]}
        wrong = [f"export {name} is lost" for name in self.tasks if name not in there]
        wrong += [f"export failed: {task}" for name, task in there.items()
                  if name in self.tasks and (task["errors"] or task["state"] == "failed")]
        old = self.world.round - ROUNDS_REMEMBERED
        self.tasks = {name: begun for name, begun in self.tasks.items()
                      if begun > old or there[name]["state"] in ("queued", "running")}
        return wrong


class World:
    """The server, its callers and what the rounds came to."""

    def __init__(self, here, seed, clips):
        self.here, self.seed, self.round = here, seed, 0
        self.server = here.server("home")
        self.clips = [ground.film(here.top / "footage" / f"clip-{number:02}.mp4", 2 + number % 3, number * 15)
                      for number in range(clips)]
        self.short = ground.film(here.top / "short.mp4", 8, 0, "160x90")
        self.long = ground.film(here.top / "long.mp4", 60, 0, "1280x720")
        self.ready, self.listed, self.alive, self.redone, self.killed_decoders = [], [], [], [], 0
        self.wrong, self.unsound, self.rewritten, self.bundles = [], [], 0, {}
        self.server.start()
        clusters = self.server.gather_people(ground.portraits(here.folder("portraits")))
        folders = [here.folder(f"watched-{number}") for number in range(4)]
        for number, folder in enumerate(folders):
            for still in range(6):
                (folder / f"{still}.png").write_bytes(ground.png(1000 * number + still))
        self.analysing = Analysing(self, self.clips)
        self.callers = [self.analysing, Naming(self, clusters), Watching(self, folders),
                        Exporting(self, self.short, here.folder("exports"))]
        self.ids = self.media_ids()
        self.server.process.stop()
        self.bundles = here.bundles()

    def media_ids(self):
        """The bundle of each clip, told by its name, once all were analysed."""
        before = set(self.here.bundles())
        ids = {}
        for clip in self.clips:
            self.server.finish(self.server.analyze([clip], sampling="full"))
            now = set(self.here.bundles())
            ids[clip], = now - before
            before = now
        return ids

    def restart(self):
        """Starts the server and checks what it knows."""
        self.ready.append(self.server.start())
        for caller in self.callers:
            self.wrong += caller.check()
            if caller is self.analysing:
                self.listed.append(time.monotonic() - self.server.process.started)

    def one_round(self, number):
        self.round = number
        self.restart()
        dice = random.Random(f"{self.seed}-{number}")
        working = [threading.Thread(target=caller.work, args=(random.Random(f"{self.seed}-{number}-{place}"),))
                   for place, caller in enumerate(self.callers)]
        for thread in working:
            thread.start()
        time.sleep(dice.uniform(SHORTEST, LONGEST if dice.random() < SOME else USUAL))
        self.server.process.process.kill()
        self.see_decoders_end()
        self.server.process.kill()
        for thread in working:
            thread.join()
        self.count_writes()
        self.look_for_damage()

    def kill_an_encoder(self):
        """kill -9 in the middle of an export that takes a minute. Encoders write to a file and not to the server."""
        self.restart()
        clip = {"media_path": str(self.long), "start_seconds": 1, "end_seconds": 59, "name": "long"}
        output = self.here.folder("long-export")
        task = self.server.get("/export/clips", {"clips": [clip], "output_dir": str(output), "mode": "reencode"})
        # The part of the clip that is done is hidden until it is whole.
        begun = ground.wait_until(lambda: any(file.stat().st_size for file in output.glob(".*/*")), 60)
        self.here.say("an export that takes a minute has begun", f"after {begun or -1:.1f} s", begun is not None)
        self.server.process.process.kill()
        self.see_decoders_end()
        self.here.say("an encoder after a kill", f"gone after {self.alive[-1]:.2f} s", self.alive.pop() <= GONE_WITHIN)
        self.server.process.kill()
        self.server.start()
        self.server.get("/analyze/cancel", {"task_id": task["task_id"]})
        self.server.finish(task["task_id"])
        left = ground.wait_until(lambda: not any(output.iterdir()), 5)
        self.here.say("what is left of its export", "nothing" if left is not None else f"{list(output.iterdir())}",
                      left is not None)
        self.server.process.stop()

    def see_decoders_end(self):
        begun = time.monotonic()
        decoders = self.server.decoders()
        self.killed_decoders += len(decoders)
        while self.server.decoders() and time.monotonic() - begun < 20:
            time.sleep(0.01)
        if decoders:
            self.alive.append(time.monotonic() - begun)

    def look_for_damage(self):
        damage = self.here.damage()
        if damage:
            self.unsound.append(damage)

    def count_writes(self):
        """Files that a forced task wrote in this round and in an earlier one, and others that were written again."""
        bundles, again = self.here.bundles(), 0
        tasks = [task for task in self.analysing.tasks.values() if task["force"]]
        owners = {self.ids[clip]: task for task in tasks for clip in task["clips"]}
        for path, stamp in bundles.items():
            if self.bundles.get(path, stamp) == stamp:
                continue
            task = owners.get(path)
            if task is None:
                self.rewritten += 1
            else:
                again += path in task["writes"]
                task["writes"][path] = stamp
        self.bundles = bundles
        self.redone.append(again)

    def end(self):
        """Has everything end that was begun, and looks at it once more."""
        self.restart()
        self.analysing.resume_all()
        going = [*self.analysing.tasks, *self.callers[3].tasks]
        ended = [self.server.finish(name) for name in going]
        left = [task for task in ended if went_wrong(task) or task["state"] not in ("completed", "cancelled")]
        figure = f"{len(ended)} have ended, {len(left)} not as they should {left[:1]}"
        self.here.say("tasks that were left", figure, not left)
        self.here.say("the end", f"status {self.server.process.stop()}")
        self.look_for_damage()


def whole(path, seconds=1):
    """Whether a clip can be read from end to end and is about as long as it should be."""
    shown = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", str(path)],
                           capture_output=True, text=True, check=False)
    read = subprocess.run(["ffmpeg", "-v", "error", "-xerror", "-nostdin", "-i", str(path), "-f", "null", "-"],
                          capture_output=True, check=False)
    return shown.returncode == read.returncode == 0 and seconds - 0.1 < float(shown.stdout) < seconds + 1.2


def look_at_exports(here, exports):
    names = sorted(path.name for path in exports.iterdir())
    half = [name for name in names if name.startswith(".") or not whole(exports / name)]
    twice = [name for name in names if " (" in name]
    here.say("exports", f"{len(names)} clips, {len(half)} half {half[:3]}", not half)
    here.say("clips exported twice", f"{len(twice)}", not twice)


def told(figures):
    """The middle and the largest of figures."""
    figures = sorted(figures) or [0]
    return f"{figures[len(figures) // 2]:.2f} s, at most {figures[-1]:.2f} s"


def kills(here, arguments):
    here.folder("footage")
    world = World(here, arguments.seed, arguments.clips)
    for number in range(1, arguments.rounds + 1):
        world.one_round(number)
    world.end()
    world.kill_an_encoder()
    say_what_was_found(here, world, arguments)


def say_what_was_found(here, world, arguments):
    callers = ", ".join(f"{caller.acknowledged} by {type(caller).__name__.lower()}" for caller in world.callers)
    lost = world.wrong + [refusal for caller in world.callers for refusal in caller.refused]
    load = os.getloadavg()[0]
    here.say("kills", f"{arguments.rounds} of seed {arguments.seed}, load {load:.1f}; acknowledged: {callers}")
    here.say("acknowledged and not there, or refused", f"{len(lost)} {lost[:3]}", not lost)
    here.say("analysis folders that are not sound", f"{len(world.unsound)} {world.unsound[:1]}", not world.unsound)
    here.say("health answers", told(world.ready), max(world.ready) <= READY_WITHIN)
    here.say("all tasks are listed", told(world.listed), max(world.listed) <= READY_WITHIN)
    most = max(world.redone)
    here.say("files done again", f"{sum(world.redone)} in {arguments.rounds} kills, at most {most} a kill; "
             f"{world.rewritten} for which nobody had asked", most <= WORKERS and not world.rewritten)
    here.say("decoders after a kill", f"{world.killed_decoders}, the last gone after {told(world.alive)}",
             not world.alive or max(world.alive) <= GONE_WITHIN)
    here.say("files given up after four kills in a row", f"{len(world.analysing.given_up)}")
    look_at_exports(here, world.callers[3].output)
