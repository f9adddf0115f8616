"""The documents' asyncio crawler, with asyncio's own streams for aiohttp."""

import asyncio
import sys
import time
from urllib.parse import urlsplit

site = urlsplit(sys.argv[1])
DELAY = 0.1  # before each page, in seconds
urls = ["/", "/1", "/2", "/3", "/4", "/5", "/6", "/7", "/8", "/9"]


# ANCHOR: fetch
async def fetch(url):
    reader, writer = await asyncio.open_connection(site.hostname, site.port)
    get = f"GET {url} HTTP/1.0\r\nHost: example.com\r\n\r\n"
    writer.write(get.encode("ascii"))
    response = await reader.read()
    writer.close()
    return response
# ANCHOR_END: fetch


# ANCHOR: main
async def main():
    start = time.time()
    responses = await asyncio.gather(*[fetch(url) for url in urls])
    for url, response in zip(urls, responses):
        print(f"{url}: {len(response)} bytes")
    times = int((time.time() - start) / DELAY)
    print(f"{len(urls)} pages in the time of {times}")


asyncio.run(main())
# ANCHOR_END: main
