"""A client that sends and does not read: how much does the server take?"""

import socket
import sys

address = sys.argv[1].rsplit(":", 1)
client = socket.create_connection((address[0], int(address[1])))
# ANCHOR: send
client.settimeout(1)
sent = 0
try:
    while True:
        sent += client.send(b"a" * 65536)
except TimeoutError:
    print("sent", sent // 1024, "KiB, then nobody took more")
# ANCHOR_END: send

# ANCHOR: receive
client.shutdown(socket.SHUT_WR)
received = 0
while data := client.recv(65536):
    assert data == b"A" * len(data)
    received += len(data)
print("everything came back" if received == sent else "bytes were lost")
# ANCHOR_END: receive
