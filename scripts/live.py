"""A running `rushes serve` and its HTTP API, for the scripts beside this file. Standard library only."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request


class Server:
    """One `rushes serve` process, in a process group of its own so that Ctrl-C reaches it once."""

    def __init__(self, binary, port, env=None, output=None, *flags):
        self.url = f"http://127.0.0.1:{port}"
        self.started = time.monotonic()
        self.process = subprocess.Popen(
            [binary, "serve", "--port", str(port), *flags], env=env, stdin=subprocess.DEVNULL,
            stdout=output, stderr=output, start_new_session=True)

    def wait_until_ready(self, seconds=20):
        """Seconds from the start to the first answer of /health."""
        while time.monotonic() - self.started < seconds:
            if self.process.poll() is not None:
                raise OSError(f"rushes serve ended at once with status {self.process.returncode}")
            try:
                if call(f"{self.url}/api/v1/health")[0] == 200:
                    return time.monotonic() - self.started
            except OSError:
                pass
            time.sleep(0.01)
        self.stop()
        raise OSError(f"rushes serve did not answer within {seconds} s")

    def stop(self, seconds=15):
        """Asks it to end and gives its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise OSError(f"rushes serve did not end within {seconds} s of SIGTERM") from None

    def kill(self):
        """Ends it as a power cut would."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def call(url, body=None, key=None, seconds=60, method=None):
    """(status, body) of a request: POST where there is a body to send and no other method is named, else GET."""
    headers = {"content-type": "application/json"} if body is not None else {}
    if key:
        headers["x-license-key"] = key
    encoded = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=encoded, headers=headers, method=method)
    # Straight to this machine, whatever proxy the environment names.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=seconds) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            text = error.read().decode(errors="replace")
        try:
            return error.code, json.loads(text)
        except ValueError:
            return error.code, text


def new_home(folder):
    """Makes a home folder that borrows the models of Rushes' own."""
    folder.mkdir(mode=0o700)
    (folder / "models").symlink_to(home().absolute() / "models")
    return folder


def free_port():
    """A port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def home():
    """Rushes' home folder."""
    return pathlib.Path(os.environ.get("RUSHES_HOME") or pathlib.Path.home() / ".rushes")


def test_media():
    """The sample footage that set-up fetched."""
    cache = os.environ.get("RUSHES_CACHE") or pathlib.Path(__file__).resolve().parent.parent / ".cache"
    return pathlib.Path(os.environ.get("RUSHES_TEST_MEDIA") or pathlib.Path(cache) / "media")
