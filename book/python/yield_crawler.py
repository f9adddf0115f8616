"""The documents' crawler on `yield`: Future, Task, and a fetch that pauses."""

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
# ANCHOR_END: future


# ANCHOR: task
class Task:
    def __init__(self, coro):
        self.coro = coro
        self.step(Future())  # its result is None: the way to begin

    def step(self, future):
        try:
            next_future = self.coro.send(future.result)
        except StopIteration:
            return
        next_future.add_done_callback(self.step)
# ANCHOR_END: task


# ANCHOR: fetch
def fetch(url):
    sock = socket.socket()
    sock.setblocking(False)
    try:
        sock.connect((site.hostname, site.port))
    except BlockingIOError:
        pass
    f = Future()
    selector.register(sock, EVENT_WRITE, lambda: f.set_result(None))
    yield f  # until it is connected
    selector.unregister(sock)
    get = "GET {0} HTTP/1.0\r\nHost: example.com\r\n\r\n".format(url)
    sock.send(get.encode("ascii"))
    response = b""
    while True:
        f = Future()
        selector.register(
            sock, EVENT_READ, lambda: f.set_result(sock.recv(4096))
        )
        chunk = yield f  # until there is something to read
        selector.unregister(sock)
        if not chunk:
            break
        response += chunk
    print("{0}: {1} bytes".format(url, len(response)))
    urls_todo.remove(url)
# ANCHOR_END: fetch


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
