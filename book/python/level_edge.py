"""Level, edge and one-shot, asked of Linux itself."""

import select
import socket


def events(mode):
    """How often five bytes are reported if only one of them is read."""
    ours, theirs = socket.socketpair()
    epoll = select.epoll()
    epoll.register(ours, select.EPOLLIN | mode)
    theirs.send(b"hello")
    reports = []
    for _ in range(3):
        reports.append(bool(epoll.poll(timeout=0)))
        ours.recv(1)
    theirs.send(b"!")
    reports.append(bool(epoll.poll(timeout=0)))
    return reports


# ANCHOR: modes
print("level:   ", events(0))
print("edge:    ", events(select.EPOLLET))
print("one-shot:", events(select.EPOLLONESHOT))
# ANCHOR_END: modes
