//! The zoo: all that can happen to a crawler on the real Web, each under a
//! path of its own. The site asks here for every path under `/zoo/`.

use std::time::Duration;

use super::{Body, End, HTML, PLAIN, Reply, Shared, document, link};

/// What the index links to, and what each shows.
const ANIMALS: &[(&str, &str)] = &[
    ("/zoo/trickle", "head and body come one byte at a time"),
    ("/zoo/redirect/3", "three redirects, then a page"),
    ("/zoo/redirect/20", "more redirects than a crawler follows"),
    ("/zoo/loop/a", "two redirects in a circle"),
    ("/zoo/cycle/a", "three pages that link in a circle"),
    ("/zoo/chunked", "a body in chunks, a link cut in two"),
    ("/zoo/no-length", "HTTP/1.0: the body ends with the connection"),
    ("/zoo/never-ends", "a few bytes now and then, forever"),
    ("/zoo/endless", "as many bytes as the client can read"),
    ("/zoo/silent", "no answer at all"),
    ("/zoo/reset/head", "the connection breaks in the head"),
    ("/zoo/reset/body", "the connection breaks in the body"),
    ("/zoo/reset/once", "the connection breaks, but only once"),
    ("/zoo/short", "the body is shorter than promised"),
    ("/zoo/malformed/status", "a status that is not a number"),
    ("/zoo/malformed/header", "header lines that are none"),
    ("/zoo/malformed/length", "a length that is not a number"),
    ("/zoo/malformed/chunk", "a chunk size that is not a number"),
    ("/zoo/malformed/garbage", "not HTTP"),
    ("/zoo/big-head", "a head that never ends"),
    ("/zoo/large", "a body of 12 MiB"),
    ("/zoo/status/204", "a success without a body"),
    ("/zoo/status/304", "an answer for caches, without a body"),
    ("/zoo/status/404", "not found"),
    ("/zoo/status/410", "gone for good"),
    ("/zoo/status/500", "the server's mistake"),
    ("/zoo/status/503", "the server is too busy"),
    ("/zoo/continue", "two interim answers before the answer"),
    ("/zoo/other-hosts", "links that lead away"),
    ("/zoo/links", "every way to write a link, and some that are none"),
    ("/zoo/idn", "a host name with an umlaut"),
    ("/private/", "robots.txt forbids it"),
];

/// The reply to `/zoo/` + `path`, or `None` if nothing lives there. `hit` is
/// 1 for the first request to this path.
pub(super) fn reply(path: &str, hit: usize, shared: &Shared) -> Option<Reply> {
    let port = shared.address.port();
    let segments: Vec<&str> = path.split('/').collect();
    let reply = match segments[..] {
        [""] => index(),

        ["trickle"] => {
            let content = link("/zoo/trickle/end", "the end");
            Reply { slow: true, ..Reply::page("Trickle", &content) }
        }
        ["trickle" | "chunked", "end"] => Reply::page("The end", ""),

        ["redirect", "0"] => Reply::page("The end of the chain", ""),
        ["redirect", n] => {
            let next = n.parse::<u64>().ok()?.checked_sub(1)?;
            redirect("302 Found", &format!("/zoo/redirect/{next}"))
        }
        ["loop", "a"] => redirect("301 Moved Permanently", "b"),
        ["loop", "b"] => redirect("302 Found", "a"),
        ["cycle", "a"] => cycle("b", hit),
        ["cycle", "b"] => cycle("c", hit),
        ["cycle", "c"] => cycle("a", hit),

        ["chunked"] => chunked(),
        ["no-length"] => Reply::raw(
            format!("HTTP/1.0 200 OK\r\n{HTML}\r\n"),
            Body::Text(document("No length", "")),
        ),
        ["never-ends"] => {
            let every = Duration::from_millis(50);
            Reply::raw(head(HTML), Body::Forever(" .", every))
        }
        ["endless"] => Reply::raw(head(HTML), Body::Filler(u64::MAX)),
        ["large"] => filler(12 * 1024 * 1024),
        ["size", bytes] => filler(bytes.parse().ok()?),

        ["silent"] => Reply { end: End::Silence, ..raw("") },
        ["reset", "once"] if hit > 1 => Reply::page("Second try", ""),
        ["reset", "head" | "once"] => {
            Reply { end: End::Reset, ..raw("HTTP/1.1 200 OK\r\nConte") }
        }
        ["reset", "body"] => Reply { end: End::Reset, ..short() },
        ["short"] => short(),

        ["malformed", "status"] => raw("HTTP/1.1 abc OK\r\n\r\n"),
        ["malformed", "header"] => {
            raw(head("no colon\r\nspace in name: 1\r\n"))
        }
        ["malformed", "length"] => raw(head("Content-Length: twelve\r\n")),
        ["malformed", "chunk"] => Reply::raw(
            head("Transfer-Encoding: chunked\r\n"),
            Body::Text("zz\r\nnot a chunk\r\n0\r\n\r\n".into()),
        ),
        ["malformed", "garbage"] => raw("SSH-2.0-OpenSSH_9.9\r\n"),
        ["big-head"] => Reply::raw(
            "HTTP/1.1 200 OK\r\n",
            Body::Forever("X-More: and more\r\n", Duration::ZERO),
        ),

        ["status", "204"] => raw("HTTP/1.1 204 No Content\r\n\r\n"),
        ["status", "304"] => raw("HTTP/1.1 304 Not Modified\r\n\r\n"),
        ["status", "404"] => Reply::error("404 Not Found"),
        ["status", "410"] => Reply::error("410 Gone"),
        ["status", "500"] => Reply::error("500 Internal Server Error"),
        ["status", "503"] => Reply::error("503 Service Unavailable"),
        ["continue"] => {
            let page = Reply::page("Continued", "");
            let interim = "HTTP/1.1 100 Continue\r\n\r\n\
                           HTTP/1.1 103 Early Hints\r\n\
                           Link: </style.css>; rel=preload; as=style\r\n\r\n";
            Reply { head: interim.to_string() + &page.head, ..page }
        }

        ["other-hosts"] => other_hosts(port),
        ["idn"] => {
            let content = link("http://bücher.invalid/", "books");
            Reply::page("A name with an umlaut", &content)
        }
        ["links"] => {
            let html = LINKS.replace("PORT", &port.to_string());
            Reply::new("200 OK", HTML, html)
        }
        ["links", name] if !name.starts_with("not-") => {
            Reply::page("The end of a link", "")
        }

        ["gate", size, _] => {
            if shared.pass_gate(size.parse().ok()?) {
                Reply::page("All are here", "")
            } else {
                Reply::error("503 Service Unavailable")
            }
        }
        _ => return None,
    };
    Some(reply)
}

fn index() -> Reply {
    let mut items = String::from("<ul>\n");
    for (path, text) in ANIMALS {
        items += &format!("<li>{}: {text}</li>\n", link(path, path));
    }
    items += "</ul>";
    Reply::page("The zoo", &items)
}

/// A complete head; `headers` say where the body ends, if anything does.
fn head(headers: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{headers}\r\n")
}

fn raw(head: impl Into<String>) -> Reply {
    Reply::raw(head, Body::Text(String::new()))
}

fn redirect(status: &str, location: &str) -> Reply {
    let headers = format!("{HTML}Location: {location}\r\n");
    let content = link(location, "it is there now");
    Reply::new(status, &headers, document(status, &content))
}

/// The fragments differ at each visit: a crawler that takes a fragment for a
/// part of the URL never comes out.
fn cycle(next: &str, visit: usize) -> Reply {
    let first = link(&format!("/zoo/cycle/{next}#top-{visit}"), "on");
    let second = link(&format!("/zoo/cycle/{next}#end-{visit}"), "and on");
    Reply::page("A circle", &format!("{first}\n{second}"))
}

/// A chunk ends after each slash: in the middle of the link, too.
fn chunked() -> Reply {
    let html = document("Chunks", &link("/zoo/chunked/end", "the end"));
    let mut body = String::new();
    for piece in html.split_inclusive('/') {
        let size = piece.len();
        body += &format!("{size:X};slow=no;note=\"a; b\"\r\n{piece}\r\n");
    }
    body += "0;last\r\nX-Checked: yes\r\nX-By: nobody\r\n\r\n";
    let headers = format!("{HTML}Transfer-Encoding: chunked\r\n");
    Reply::raw(head(&headers), Body::Text(body))
}

fn filler(size: u64) -> Reply {
    let headers = format!("{PLAIN}Content-Length: {size}\r\n");
    Reply::raw(head(&headers), Body::Filler(size))
}

fn short() -> Reply {
    let headers = format!("{HTML}Content-Length: 1000\r\n");
    Reply::raw(head(&headers), Body::Filler(100))
}

fn other_hosts(port: u16) -> Reply {
    let hrefs = [
        "http://other.invalid/",
        &format!("https://127.0.0.1:{port}/"),
        "//other.invalid/x",
        "ftp://other.invalid/x",
        "mailto:nobody@other.invalid",
        "javascript:history.back()",
        &format!("http://localhost:{port}/zoo/links/end"),
        "/zoo/links/local",
    ];
    let links = hrefs.map(|href| link(href, href));
    Reply::page("Other hosts", &links.join("\n"))
}

/// A target that begins with `not-` is not found, and nothing links to it: it
/// stands where a browser sees no link. The fragment alone leads to the base,
/// which is `/zoo/links/`, not to this page.
const LINKS: &str = r##"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Links</title>
<BASE HREF="/zoo/links/">
<link rel=next href=link-next>
<style>/* <a href="not-in-style">no</a> */</style>
<script>let no = '<a href="not-in-script">no</a>';</script>
</head>
<body>
<p><a href="relative">relative</a>
<a href="/zoo/links/absolute">absolute</a>
<a href="../links/parent">by way of the parent</a>
<a href="//127.0.0.1:PORT/zoo/links/protocol-relative">no scheme</a>
<A HREF="upper-case">upper case</A>
<a href=unquoted>unquoted</a>
<a href='single-quoted'>single-quoted</a>
<a href="entities?a=1&amp;b=2">entities</a>
<a href=" &#9; white-space
">white space</a>
<a href="#fragment">a fragment alone</a>
<a href="same#one">once</a>
<a href="same#two">twice</a>
<a href="same#three">thrice</a>
<a href="percent%20encoded">percent-encoded</a>
<a href="é">not ASCII</a></p>
<map name="map"><area shape="default" href="area" alt="area"></map>
<!-- <a href="not-in-comment">no</a> -->
<textarea><a href="not-in-textarea">no</a></textarea>
<p>&lt;a href="not-in-text"&gt; no &lt;/a&gt;</p>
</body>
</html>
"##;

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Read};

    use crate::site::tests::{get, quick_site, receive, visitor};

    use super::*;

    #[test]
    fn every_animal_of_the_index_lives() {
        let site = quick_site();
        let index = get(&site, "/zoo/");
        assert_eq!(index.matches("<li>").count(), ANIMALS.len());
        for (path, _) in ANIMALS {
            assert!(index.contains(&link(path, path)), "{path}");
            if let Some(name) = path.strip_prefix("/zoo/") {
                assert!(reply(name, 1, &site.shared).is_some(), "{path}");
            }
        }
    }

    #[test]
    fn every_link_of_an_animal_leads_to_a_page() {
        let site = quick_site();
        for path in ["trickle/end", "chunked/end", "links/local", "links/"] {
            let answer = get(&site, &format!("/zoo/{path}"));
            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        }
        let forbidden = get(&site, "/zoo/links/not-in-comment");
        assert!(forbidden.starts_with("HTTP/1.1 404 "), "{forbidden}");
    }

    #[test]
    fn trickle_is_a_correct_page() {
        let answer = get(&quick_site(), "/zoo/trickle");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}", body.len())));
        assert!(body.contains("href=\"/zoo/trickle/end\""), "{body}");
    }

    #[test]
    fn redirects_count_down_and_loop() {
        let site = quick_site();
        for (path, status, location) in [
            ("/zoo/redirect/3", "302", "/zoo/redirect/2"),
            ("/zoo/redirect/1", "302", "/zoo/redirect/0"),
            ("/zoo/loop/a", "301", "b"),
            ("/zoo/loop/b", "302", "a"),
        ] {
            let answer = get(&site, path);
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")));
            let line = format!("\r\nLocation: {location}\r\n");
            assert!(answer.contains(&line), "{answer}");
        }
        let end = get(&site, "/zoo/redirect/0");
        assert!(end.starts_with("HTTP/1.1 200 OK\r\n"), "{end}");
    }

    #[test]
    fn the_circle_has_other_fragments_at_each_visit() {
        let site = quick_site();
        let first = get(&site, "/zoo/cycle/c");
        assert!(first.contains("\"/zoo/cycle/a#top-1\""), "{first}");
        let second = get(&site, "/zoo/cycle/c");
        assert!(second.contains("\"/zoo/cycle/a#top-2\""), "{second}");
    }

    #[test]
    fn the_chunks_hold_a_page_whose_link_is_cut_in_two() {
        let answer = get(&quick_site(), "/zoo/chunked");
        assert!(answer.contains("\r\nTransfer-Encoding: chunked\r\n"));
        assert!(!answer.contains("/zoo/chunked/end"), "{answer}");
        let (_, mut rest) = answer.split_once("\r\n\r\n").unwrap();
        let mut html = String::new();
        loop {
            let (size, data) = rest.split_once(';').unwrap();
            let size = usize::from_str_radix(size, 16).unwrap();
            let (_, data) = data.split_once("\r\n").unwrap();
            if size == 0 {
                assert_eq!(data, "X-Checked: yes\r\nX-By: nobody\r\n\r\n");
                break;
            }
            html += &data[..size];
            rest = data[size..].strip_prefix("\r\n").unwrap();
        }
        let content = link("/zoo/chunked/end", "the end");
        assert_eq!(html, document("Chunks", &content));
    }

    #[test]
    fn bodies_have_the_size_that_was_asked_for() {
        let site = quick_site();
        for (path, size) in [
            ("/zoo/size/0", 0),
            ("/zoo/size/70000", 70_000),
            ("/zoo/large", 12 * 1024 * 1024),
        ] {
            let answer = get(&site, path);
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.contains(&format!("\r\nContent-Length: {size}")));
            assert_eq!(body.len(), size);
        }
    }

    #[test]
    fn what_has_no_end_goes_on() {
        let site = quick_site();
        for (path, wanted) in [
            ("/zoo/never-ends", 100),
            ("/zoo/endless", 20_000_000),
            ("/zoo/big-head", 100_000),
        ] {
            let mut head = visitor(&site, path).take(wanted);
            let read = std::io::copy(&mut head, &mut std::io::sink());
            assert_eq!(read.unwrap(), wanted, "{path}");
        }
    }

    #[test]
    fn resets_are_resets() {
        let site = quick_site();
        for (path, last) in [
            ("/zoo/reset/head", "\r\nConte"),
            ("/zoo/reset/body", "...."),
            ("/zoo/reset/once", "\r\nConte"),
        ] {
            let (answer, error) = receive(visitor(&site, path));
            let kind = error.map(|error| error.kind());
            assert_eq!(kind, Some(ErrorKind::ConnectionReset), "{path}");
            // The reset may have overtaken what was sent before it.
            assert!(answer.is_empty() || answer.ends_with(last), "{answer}");
        }
        let again = get(&site, "/zoo/reset/once");
        assert!(again.starts_with("HTTP/1.1 200 OK\r\n"), "{again}");
    }

    #[test]
    fn a_short_body_ends_too_early_but_in_good_order() {
        let answer = get(&quick_site(), "/zoo/short");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with("\r\nContent-Length: 1000"), "{head}");
        assert_eq!(body.len(), 100);
    }

    #[test]
    fn malformed_answers_are_malformed() {
        let site = quick_site();
        for (name, sign) in [
            ("status", "HTTP/1.1 abc OK\r\n"),
            ("header", "\r\nno colon\r\nspace in name: 1\r\n"),
            ("length", "\r\nContent-Length: twelve\r\n"),
            ("chunk", "\r\n\r\nzz\r\n"),
            ("garbage", "SSH-2.0-"),
        ] {
            let answer = get(&site, &format!("/zoo/malformed/{name}"));
            assert!(answer.contains(sign), "{answer}");
        }
    }

    #[test]
    fn an_answer_without_a_body_has_no_length() {
        let site = quick_site();
        for code in [204, 304] {
            let answer = get(&site, &format!("/zoo/status/{code}"));
            assert!(answer.starts_with(&format!("HTTP/1.1 {code} ")));
            assert!(!answer.contains("Content-Length"), "{answer}");
            assert!(answer.ends_with("\r\n\r\n"), "{answer}");
        }
    }

    #[test]
    fn interim_answers_come_before_the_answer() {
        let answer = get(&quick_site(), "/zoo/continue");
        let heads: Vec<&str> = answer.split("\r\n\r\n").collect();
        assert!(heads[0].starts_with("HTTP/1.1 100 "), "{answer}");
        assert!(heads[1].starts_with("HTTP/1.1 103 "), "{answer}");
        assert!(heads[2].starts_with("HTTP/1.1 200 "), "{answer}");
    }

    #[test]
    fn links_name_the_port_of_the_site() {
        let site = quick_site();
        let port = site.address().port();
        let links = get(&site, "/zoo/links");
        let host = format!("\"//127.0.0.1:{port}/");
        assert!(links.contains(&host), "{links}");
        let others = get(&site, "/zoo/other-hosts");
        let host = format!("\"http://localhost:{port}/");
        assert!(others.contains(&host), "{others}");
    }
}
