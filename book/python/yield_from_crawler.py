"""The documents' crawler on `yield from`: a fetch that delegates."""

import socket
import sys
import time
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from urllib.parse import urlsplit

selector = DefaultSelector()
site = urlsplit(sys.argv[1])
urls_todo = {"/", "/1", "/2", "/3", "/4", "/5", "/6", "/7", "/8", "/9"}


# ANCHOR: future
class Future:
    def __init__(self):
        self.result = None
        self._callbacks = []

    def add_done_callback(self, fn):
        self._callbacks.append(fn)

    def set_result(self, result):
        self.result = result
        for fn in self._callbacks:
            fn(self)

    def __iter__(self):
        yield self
        return self.result
# ANCHOR_END: future


# ANCHOR: task
class Task:
    def __init__(self, coro):
        self.coro = coro
        f = Future()
        self.step(f)

    def step(self, future):
        try:
            next_future = self.coro.send(None)
        except StopIteration:
            return
        next_future.add_done_callback(self.step)
# ANCHOR_END: task


# ANCHOR: fetch
def fetch(url):
    sock = socket.socket()
    yield from connect(sock, (site.hostname, site.port))
    get = "GET {0} HTTP/1.0\r\nHost: example.com\r\n\r\n".format(url)
    sock.send(get.encode("ascii"))
    response = yield from read_all(sock)
    print("{0}: {1} bytes".format(url, len(response)))
    urls_todo.remove(url)
# ANCHOR_END: fetch


# ANCHOR: connect
def connect(sock, address):
    f = Future()
    sock.setblocking(False)
    try:
        sock.connect(address)
    except BlockingIOError:
        pass

    def on_connected():
        f.set_result(None)

    selector.register(sock.fileno(), EVENT_WRITE, on_connected)
    yield from f
    selector.unregister(sock.fileno())
# ANCHOR_END: connect


# ANCHOR: read
def read(sock):
    f = Future()

    def on_readable():
        f.set_result(sock.recv(4096))

    selector.register(sock.fileno(), EVENT_READ, on_readable)
    chunk = yield from f
    selector.unregister(sock.fileno())
    return chunk
# ANCHOR_END: read


# ANCHOR: read_all
def read_all(sock):
    response = []
    chunk = yield from read(sock)
    while chunk:
        response.append(chunk)
        chunk = yield from read(sock)
    return b"".join(response)
# ANCHOR_END: read_all


# ANCHOR: loop
def loop():
    while urls_todo:
        for key, _ in selector.select():
            callback = key.data
            callback()
# ANCHOR_END: loop


start = time.time()
for url in list(urls_todo):
    Task(fetch(url))
loop()
print("ten pages in {0:.1f} s".format(time.time() - start))
