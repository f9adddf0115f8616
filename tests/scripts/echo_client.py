"""Many clients of the echo server at once, on asyncio's streams.

    echo_client.py HOST PORT CONNECTIONS BYTES

Each sends BYTES of all values in portions of many sizes and reads at the same
time. It fails unless each gets back exactly its bytes in upper case.
"""

import asyncio
import random
import sys


async def client(host, port, number, length):
    data = random.Random(number).randbytes(length)
    reader, writer = await asyncio.open_connection(host, port)

    async def send():
        sizes = random.Random(-number)
        at = 0
        while at < length:
            size = sizes.choice([1, 64, 1500, 40_000])
            writer.write(data[at : at + size])
            await writer.drain()
            at += size
        writer.write_eof()

    answer, _ = await asyncio.gather(reader.read(), send())
    writer.close()
    await writer.wait_closed()
    assert answer == data.upper(), f"connection {number}: wrong answer"


async def main(host, port, connections, length):
    clients = (client(host, port, n, length) for n in range(connections))
    await asyncio.wait_for(asyncio.gather(*clients), timeout=10)
    print(f"{connections} connections, {connections * length} bytes")


asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:])))
