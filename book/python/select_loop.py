"""The documents' loop in its own language: two sockets, one selector."""

import selectors
import socket

selector = selectors.DefaultSelector()


# ANCHOR: loop
def run():
    while selector.get_map():
        for key, mask in selector.select():
            callback = key.data
            callback(key.fileobj)
# ANCHOR_END: loop


# ANCHOR: callback
def readable(sock):
    data = sock.recv(4096)
    if data:
        print("received", data)
    else:
        print("the end of input")
        selector.unregister(sock)
        sock.close()
# ANCHOR_END: callback


ours, theirs = socket.socketpair()
ours.setblocking(False)
selector.register(ours, selectors.EVENT_READ, readable)
theirs.sendall(b"hello")
theirs.close()
run()
