"""Progress over Socket.IO with the official Python client: websocket, polling, and polling that is
upgraded to websocket.

    RUSHES_KEY=... python socketio_client.py BASE_URL CACHE_DIR MEDIA

Each transport analyses MEDIA (an absolute path) into CACHE_DIR with one client that joins at once,
then joins with others when the task has ended. Ends with status 1 when anything is not as promised.
"""

import os
import sys
import threading
import time

import requests
import socketio

ANSWER_S = 10
TASK_S = 120
QUIET_S = 0.5

TRANSPORTS = {
    "websocket": ["websocket"],
    "polling": ["polling"],
    "polling, upgraded": ["polling", "websocket"],
}


class Listener:
    """A connected client that keeps every progress event it hears."""

    def __init__(self, base, transports):
        self.heard = []
        self.done = threading.Event()
        self.client = socketio.Client(reconnection=False)
        self.client.on("progress", self.hear)
        self.client.connect(base, transports=transports, wait_timeout=ANSWER_S)

    def hear(self, event):
        self.heard.append(event)
        if event["done"]:
            self.done.set()

    def join(self, name):
        return self.client.call("join", name, timeout=ANSWER_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.client.disconnect()


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def analyze(base, cache_dir, media):
    response = requests.post(
        f"{base}/api/v1/analyze",
        headers={"X-License-Key": os.environ["RUSHES_KEY"]},
        json={"cache_dir": cache_dir, "media_paths": [media], "force": True},
        timeout=ANSWER_S,
    )
    check(response.status_code == 202, response.text)
    return response.json()["task_id"]


def check_events(task, heard):
    last = heard[-1]
    progress = [event["progress"] for event in heard]
    check(progress == sorted(progress), f"progress fell: {progress}")
    check(progress[0] >= 0 and progress[-1] == 1, f"progress: {progress}")
    check([event["done"] for event in heard[:-1]].count(True) == 0, "done before the last event")
    check(last["done"] and last["state"] == "completed", str(last))
    for event in heard:
        check(event["task_id"] == task, str(event))
        check(isinstance(event["type"], str), str(event))
        check(isinstance(event["files_total"], int), str(event))
        check(isinstance(event["files_done"], int), str(event))


def join_late(base, transports, task):
    """Joins a task that has ended, by each form of its name."""
    for name in (task, {"task_id": task}, {"room": task}):
        with Listener(base, transports) as late:
            check(late.join(name)["ok"], f"join {name}")
            check(late.done.wait(1), "the last event did not come at once")
            time.sleep(QUIET_S)
            check(len(late.heard) == 1, "the last event came more than once")


def try_transport(transports, base, cache_dir, media):
    with Listener(base, transports) as listener:
        for name in ("0" * 32, "x", {"room": 5}, None):
            check(not listener.join(name)["ok"], f"joined {name}")
        task = analyze(base, cache_dir, media)
        check(listener.join(task)["ok"], "join")
        check(listener.done.wait(TASK_S), f"the task did not end: {listener.heard[-1:]}")
        time.sleep(QUIET_S)
        check_events(task, listener.heard)
        check(listener.client.transport() == transports[-1], listener.client.transport())
        join_late(base, transports, task)
        return len(listener.heard)


def main():
    for name, transports in TRANSPORTS.items():
        try:
            events = try_transport(transports, *sys.argv[1:4])
        except Exception as error:  # Whatever it is, it is what the caller wants to read.
            print(f"python-socketio, {name}: {error!r}", file=sys.stderr)
            return 1
        print(f"python-socketio, {name}: ok, {events} events")
    return 0


if __name__ == "__main__":
    sys.exit(main())
