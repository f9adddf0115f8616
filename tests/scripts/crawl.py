"""Finds every URL of a site without a line of the crawler under test.

    crawl.py URL [EXCLUDE]...

Prints a JSON object for each URL. The rules are the crawler's: links are the
`href` of `a`, `area` and `link`; the first `base` applies to all of them; the
same host and port only; no fragments; only HTML is looked into; a redirect is
a link to its target; what matches a regular expression EXCLUDE is left out.

tests/tests/real_servers starts it. It needs Python 3.8 or later, no packages.
"""

import concurrent.futures
import html.parser
import http.client
import json
import re
import sys
import urllib.parse

REDIRECTS = (301, 302, 303, 307, 308)
# What the URL standard (url.spec.whatwg.org) leaves as it is in a path and in
# a query, besides the letters, digits and "-._~" that `quote` always leaves.
# "%" is there because what is encoded already stays so.
PATH_SAFE = "%/:;=@!$&'()*+,[]|^"
QUERY_SAFE = "%/:;=@!$&()*+,[]|^?`{}\\"


class Links(html.parser.HTMLParser):
    """Collects the references of a page."""

    def __init__(self):
        super().__init__()
        self.base = None
        self.hrefs = []

    def handle_starttag(self, tag, attrs):
        # Of an attribute that is there twice, the first one counts.
        href = next((value or "" for name, value in attrs if name == "href"), None)
        if href is None:
            return
        if tag in ("a", "area", "link"):
            self.hrefs.append(href)
        elif tag == "base" and self.base is None:
            self.base = href


def resolve(base, href):
    """The URL that `href` leads to from `base`, written as the URL standard
    does, which is not quite as `urljoin` does. None if it is no URL."""
    href = href.strip("".join(map(chr, range(0x21))))
    href = re.sub("[\t\n\r]", "", href)
    path, *query = re.split(r"(?=[?#])", href, maxsplit=1)
    try:
        url = urllib.parse.urljoin(base, "".join([path.replace("\\", "/"), *query]))
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return None
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if port and port != {"http": 80, "https": 443}[parts.scheme]:
        host = f"{host}:{port}"
    path = urllib.parse.quote(parts.path or "/", safe=PATH_SAFE)
    query = urllib.parse.quote(parts.query, safe=QUERY_SAFE)
    return urllib.parse.urlunsplit((parts.scheme, host, path, query, ""))


connection = None


def fetch(url):
    """The response to GET and its body, on a connection that is kept."""
    global connection
    parts = urllib.parse.urlsplit(url)
    target = urllib.parse.urlunsplit(("", "", parts.path, parts.query, ""))
    for last_try in (False, True):
        if connection is None:
            connection = http.client.HTTPConnection(parts.netloc, timeout=10)
        try:
            connection.request("GET", target)
            response = connection.getresponse()
            return response, response.read()
        except (OSError, http.client.HTTPException):
            # The server may close a connection that it has kept.
            connection.close()
            connection = None
            if last_try:
                raise


def visit(url):
    """What is to be said of `url`, and the links there."""
    response, body = fetch(url)
    kind = response.headers.get("Content-Type")
    page = {
        "url": url,
        "status": response.status,
        "content_type": kind,
        "size": len(body),
        "redirect": None,
    }
    location = response.headers.get("Location")
    if response.status in REDIRECTS and location is not None:
        page["redirect"] = resolve(url, location)
        return page, {page["redirect"]}
    if response.status >= 400 or (kind or "").split(";")[0].strip() != "text/html":
        return page, set()
    links = Links()
    links.feed(body.decode("utf-8", errors="replace"))
    base = url if links.base is None else resolve(url, links.base) or url
    return page, {resolve(base, href) for href in links.hrefs}


def main(start, *excludes):
    host = urllib.parse.urlsplit(start).netloc
    excludes = [re.compile(exclude) for exclude in excludes]
    seen = {start}
    wave = [start]
    # One process for each processor: to parse is most of the work.
    with concurrent.futures.ProcessPoolExecutor() as pool:
        while wave:
            found = set()
            for page, links in pool.map(visit, wave, chunksize=4):
                print(json.dumps(page))
                found |= links
            wave = [
                url
                for url in sorted(found - seen - {None})
                if urllib.parse.urlsplit(url).netloc == host
                and not any(exclude.search(url) for exclude in excludes)
            ]
            seen.update(wave)


if __name__ == "__main__":
    main(*sys.argv[1:])
