"""What the trials stand on: temporary folders, servers with homes of their own, media, and what was found."""

import contextlib
import os
import pathlib
import random
import shutil
import struct
import subprocess
import tempfile
import time
import zlib

import live

# The embedded visual model, at keyframes only: the trials are about files, not about what they show.
LOOK = {"visual_model_key": "lite-260", "sampling": "fast", "speech": False}
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


class Ground:
    """Temporary folders, and what was measured on them."""

    def __init__(self, binary, top):
        self.binary, self.top, self.broken = str(pathlib.Path(binary).absolute()), top, []
        self.cache = self.folder("analysis")
        self.servers = []

    def folder(self, name):
        (self.top / name).mkdir()
        return self.top / name

    def say(self, what, figure, holds=True):
        print(f"{'ok    ' if holds else 'BROKEN'} {what}: {figure}", flush=True)
        if not holds:
            self.broken.append(what)

    def server(self, name, **environment):
        """A server with a home of its own, not started."""
        self.servers.append(Home(self, name, environment))
        return self.servers[-1]

    def rushes(self, *arguments, home=None):
        """A command of the same binary; by default with a home that no server has."""
        if home is None:
            home = self.top / "home-of-commands"
            if not home.exists():
                live.new_home(home)
        return subprocess.run([self.binary, *arguments], env=dict(os.environ, RUSHES_HOME=str(home)),
                              capture_output=True, text=True, check=False)

    def damage(self, cache=None):
        """What `rushes repair --check` says of the analysis folder, if it is not sound."""
        looked = self.rushes("repair", "--check", "--cache-dir", str(cache or self.cache))
        return "" if looked.returncode == 0 else looked.stdout + looked.stderr

    def say_whether_sound(self):
        damage = self.damage()
        self.say("in the end", damage or "all is sound", not damage)

    def bundles(self, cache=None):
        """(inode, time) of each bundle: another inode is another write."""
        found = {}
        for kind in ("visual", "faces", "speech", "text"):
            for path in (pathlib.Path(cache or self.cache) / "rushes" / kind).rglob("*.r?b"):
                with contextlib.suppress(FileNotFoundError):
                    stat = path.stat()
                    found[str(path)] = (stat.st_ino, stat.st_mtime_ns)
        return found


class Home:
    """A home folder and the server that runs in it, now and then."""

    def __init__(self, ground, name, environment):
        self.ground, self.folder = ground, live.new_home(ground.top / name)
        self.env = dict(os.environ, RUSHES_HOME=str(self.folder), RUSHES_LOG="warn", **environment)
        self.log = open(ground.top / f"{name}.log", "ab")
        self.process = self.key = None

    def start(self):
        """Seconds until /health has answered."""
        self.process = live.Server(self.ground.binary, live.free_port(), self.env, self.log)
        took = self.process.wait_until_ready(60)
        self.key = (self.folder / "license.key").read_text(encoding="utf-8").strip()
        return took

    @property
    def pid(self):
        return self.process.process.pid

    def call(self, path, body=None, method=None):
        return live.call(f"{self.process.url}/api/v1{path}", body, self.key, seconds=120, method=method)

    def get(self, path, body=None, method=None):
        """The answer of a call that has to succeed."""
        status, answer = self.call(path, body, method)
        if status not in (200, 201, 202):
            raise OSError(f"{path}: {status} {answer}")
        return answer

    def analyze(self, paths, **more):
        body = {"cache_dir": str(self.ground.cache), "media_paths": [str(path) for path in paths], **LOOK, **more}
        return self.get("/analyze", body)["task_id"]

    def finish(self, task_id, seconds=600):
        """The task once it has ended."""
        end = time.monotonic() + seconds
        while (task := self.get(f"/tasks/{task_id}"))["state"] in ("queued", "running"):
            if time.monotonic() > end:
                raise OSError(f"the task did not end within {seconds} s: {task}")
            time.sleep(0.1)
        return task

    def gather_people(self, pictures, collection="cast"):
        """The ids of the clusters of a collection of these pictures."""
        task = self.finish(self.analyze(pictures, faces=True, cluster_job_name=collection))
        if task["state"] != "completed" or task["errors"]:
            raise OSError(f"no people: {task}")
        return list(self.people(collection))

    def people(self, collection="cast"):
        """The name of each cluster."""
        there = self.get(f"/faces/clusters?cache_dir={self.ground.cache}&cluster_job_name={collection}")
        return {one["cluster_id"]: one.get("name") or "" for one in there["cluster_jobs"][0]["clusters"]}

    def name_people(self, names, collection="cast"):
        self.get("/faces/clusters/names", {
            "cache_dir": str(self.ground.cache), "cluster_job_name": collection,
            "assignments": [{"cluster_id": cluster, "name": name} for cluster, name in names.items()]}, "PUT")

    def watch(self, folder, **more):
        """The id of a new watch folder."""
        body = {"path": str(folder), "cache_dir": str(self.ground.cache), "sampling": "fast", "speech": False, **more}
        return self.get("/watch-folders", body)["id"]

    def status(self):
        return self.get("/watch-folders/service/status")

    def stats(self, folder_id):
        return self.status()["folder_stats"].get(folder_id, {})

    def processor_seconds(self):
        """Processor time of the server's threads so far; its children count once they have ended."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(ticks) for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK")

    def decoders(self):
        """Processes that the server has started and that are not over: each lies in the server's session."""
        found = []
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError, IndexError):
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == self.pid and int(process.name) != self.pid and fields[0] not in "ZX":
                    found.append(int(process.name))
        return found


def wait_until(holds, seconds, pause=0.1):
    """Seconds until `holds()` is true; None when it is not within `seconds`."""
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > seconds:
            return None
        time.sleep(pause)
    return time.monotonic() - begun


def seconds_of(time_or_none):
    """A time in words; never is a time as well."""
    return "never" if time_or_none is None else f"{time_or_none:.1f} s"


def png(number):
    """A small picture that no other number has: coarse colours, as bytes of a PNG."""
    dice = random.Random(number)
    width, height = 64, 36
    cells = [[dice.randbytes(3) for _ in range(8)] for _ in range(6)]
    rows = [b"\0" + b"".join(cells[y // 6][x // 8] for x in range(width)) for y in range(height)]

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return PNG_SIGNATURE + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"".join(rows))) + chunk(b"IEND", b"")


def stills(folder, count, distinct=None):
    """Pictures in a folder; of `distinct` contents where fewer than all are wanted."""
    contents = [png(number) for number in range(min(count, distinct or count))]
    paths = [folder / f"still-{number:05}.png" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(contents[number % len(contents)])
    return paths


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-y", *arguments], check=True)


def film(path, seconds, hue=0, size="320x180", *options):
    """A film of a test picture."""
    picture = f"testsrc2=s={size}:r=25:d={seconds},hue=h={hue}"
    ffmpeg("-f", "lavfi", "-i", picture, "-g", "25", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
           *options, str(path))
    return path


def portraits(folder, people=("orl-s01", "orl-s02", "orl-s03")):
    """Pictures of these people, copied."""
    found = [picture for person in people
             for picture in sorted((live.test_media() / "people").glob(f"{person}-*.png"))]
    return [pathlib.Path(shutil.copy(picture, folder)) for picture in found]


def hold(arguments, trial):
    """Runs a trial on fresh ground; the exit status."""
    with tempfile.TemporaryDirectory(prefix="rushes-trial-") as folder:
        ground = Ground(arguments.binary, pathlib.Path(folder))
        try:
            trial(ground, arguments)
        finally:
            for server in ground.servers:
                if server.process:
                    server.process.kill()
                server.log.close()
            if ground.broken:
                for server in ground.servers:
                    text = pathlib.Path(server.log.name).read_text(errors="replace")
                    lines = [line for line in text.splitlines() if " WARN " in line or " ERROR " in line]
                    print(f"\nlast warnings of {pathlib.Path(server.log.name).name}:", *lines[-20:], sep="\n")
    return 1 if ground.broken else 0
