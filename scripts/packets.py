"""Engine.IO and Socket.IO packets that no client sends, over polling and WebSocket: the server refuses and lives.

Packets are made of those that clients do send: cut, doubled, joined, nested and with other bytes in them. The seed
decides which; what the server is at when one arrives it does not.
"""

import base64
import collections
import http.client
import os
import random
import socket
import struct
import time

import live

TARGET = "/socket.io/?EIO=4&transport="
SEEDS = (
    b"40", b"40/other,", b'40{"token":"x"}', b"41", b"2", b"2probe", b"3", b"5", b"6", b"1", b'42["join","%s"]' % (b"0" * 32),
    b'421["join","%s"]' % (b"f" * 32), b'42["leave","x"]', b'42["join",{"task_id":7}]', b"43[]", b'44{"message":"no"}',
    b'451-["join",{"_placeholder":true,"num":0}]', b'45999999999-["join"]', b"bAAECAwQ=", b"b", b"", b"4", b"42", b"42[]",
    b'42["join"]', b'42[1,2]', b'42["connect"]', b'4299999999999999999999["join","x"]', b"42" + b"[" * 4000, b"\x1e" * 50)
ODD = (b"\x00", b"\xff\xfe", b"\x1e", b'"', b"\\u0000", b"-1", b"1e999", b"{}", b"[", "🎬".encode(), b"A" * 70_000)
# Whatever is wrong with a packet or comes at a wrong time.
POLLING_STATUSES = {200, 400, 403, 404, 405, 408, 413, 503}
WEBSOCKET_STATUSES = {101, 503}


def packet(dice):
    parts = [dice.choice(SEEDS) for _ in range(dice.choice((1, 1, 1, 2, 5)))]
    bytes_ = bytearray(dice.choice((b"\x1e", b"")).join(parts))
    for _ in range(dice.choice((0, 1, 1, 3))):
        place = dice.randint(0, len(bytes_))
        match dice.randrange(4):
            case 0:
                bytes_[place:place] = dice.choice(ODD)
            case 1:
                del bytes_[place:place + dice.randint(1, 8)]
            case 2:
                bytes_[place:place + 1] = dice.randbytes(1)
            case _:
                bytes_ += bytes_[place:]
    return bytes(bytes_)


class Polling:
    """A client that polls; its session is begun anew when the server has closed it."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        self.sid = None

    def send(self, dice):
        """The status that a packet was answered with."""
        if self.sid is None or dice.random() < 0.1:
            self.open()
        sid = self.sid if dice.random() < 0.95 else dice.choice(("", "x", "%00", "A" * 300))
        target, kind = f"{TARGET}polling&sid={sid}", dice.choice(("text/plain", "application/octet-stream"))
        self.connection.request("POST", target, packet(dice), {"content-type": f"{kind};charset=UTF-8"})
        status = self.answer()
        if status != 200:
            self.sid = None
        return status

    def open(self):
        self.connection.request("GET", f"{TARGET}polling")
        response = self.connection.getresponse()
        body = response.read().decode()
        self.sid = body.split('"sid":"')[1].split('"')[0]

    def answer(self):
        response = self.connection.getresponse()
        response.read()
        return response.status


def websocket(dice, port):
    """The status that a session began with: a few packets, each in a frame that is whole, of any kind, or torn."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        key = base64.b64encode(dice.randbytes(16)).decode()
        client.sendall(f"GET {TARGET}websocket HTTP/1.1\r\nhost: localhost:{port}\r\nconnection: Upgrade\r\n"
                       f"upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: {key}\r\n\r\n".encode())
        status = int(client.recv(4096).split(b" ")[1])
        for _ in range(dice.randint(1, 8)):
            client.sendall(frame(dice, packet(dice)))
    return status


def frame(dice, payload):
    kind = dice.choice((1, 1, 1, 1, 2, 2, 0, 3, 8, 9, 10, 15))
    first = (0x80 if dice.random() < 0.9 else 0) | kind
    size = len(payload) if dice.random() < 0.95 else dice.choice((0, 125, 65_535, 2**31, 2**63))
    head = bytes([first, 0x80 | size]) if size < 126 else (
        struct.pack(">BBH", first, 0xFE, size) if size < 65_536 else struct.pack(">BBQ", first, 0xFF, size))
    mask = dice.randbytes(4)
    masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
    return head + mask + masked


def throw(server, seconds):
    """What was answered how often, and how often what should not have been."""
    dice = random.Random(int(os.environ.get("RUSHES_SEED") or 20261130))
    port = int(server.url.rpartition(":")[2])
    answers, wrong, end = collections.Counter(), 0, time.monotonic() + seconds
    polling = Polling(port)
    while time.monotonic() < end:
        polls = dice.random() < 0.8
        try:
            status = polling.send(dice) if polls else websocket(dice, port)
            wrong += status not in (POLLING_STATUSES if polls else WEBSOCKET_STATUSES)
        except (OSError, http.client.HTTPException, IndexError) as error:
            # The server may close a connection whenever it likes; whether it lives is asked below.
            status, polling = type(error).__name__, Polling(port)
        answers[f"{'polling' if polls else 'websocket'} {status}"] += 1
        wrong += live.call(f"{server.url}/api/v1/health")[0] != 200
    return answers, wrong
