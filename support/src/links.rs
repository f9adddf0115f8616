//! A page of HTML to the URLs in it. `crawl` calls it for every page.

use std::collections::HashSet;
use std::convert::Infallible;

use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};
use html5gum::{Span, Tokenizer};
use url::Url;

/// The distinct `http` and `https` links of the page at `url`, in their order
/// of appearance, without fragments.
///
/// Links are the `href` of `a`, `area` and `link`; the first `base` applies
/// to all of them, as in a browser.
pub fn links(url: &Url, html: &[u8]) -> Vec<Url> {
    let mut found = Hrefs::default();
    found.read(html);
    let base = found.base.and_then(|base| url.join(&base).ok());
    let base = base.as_ref().unwrap_or(url);

    let mut seen = HashSet::new();
    let mut links = Vec::new();
    for href in found.hrefs {
        let Ok(mut link) = base.join(&href) else { continue };
        link.set_fragment(None);
        if is_web(&link) && seen.insert(link.clone()) {
            links.push(link);
        }
    }
    links
}

/// Whether a crawler can ask for `url` at all.
pub fn is_web(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

/// What the tokenizer has found so far.
#[derive(Default)]
struct Hrefs {
    base: Option<String>,
    hrefs: Vec<String>,
}

/// The tags whose `href` counts.
#[derive(Clone, Copy)]
enum Tag {
    Link,
    Base,
    NoScript,
    Other,
}

impl Hrefs {
    fn read(&mut self, html: &[u8]) {
        let mut tag = Tag::Other;
        let mut in_href = false;
        let mut no_script = Vec::new();
        let callback =
            |event: CallbackEvent<'_>, _: Span<()>| -> Option<Infallible> {
                match event {
                    CallbackEvent::OpenStartTag { name } => {
                        in_href = false;
                        tag = match name {
                            b"a" | b"area" | b"link" => Tag::Link,
                            b"base" => Tag::Base,
                            b"noscript" => Tag::NoScript,
                            _ => Tag::Other,
                        };
                    }
                    CallbackEvent::AttributeName { name } => {
                        in_href = name == b"href";
                    }
                    CallbackEvent::AttributeValue { value } if in_href => {
                        self.add(tag, String::from_utf8_lossy(value).into());
                    }
                    CallbackEvent::EndTag { .. } => tag = Tag::Other,
                    CallbackEvent::String { value } => {
                        if let Tag::NoScript = tag {
                            no_script.push(value.to_vec());
                        }
                    }
                    _ => {}
                }
                None
            };
        let mut emitter = CallbackEmitter::new(callback);
        // Nothing inside <script>, <style> or <textarea> is a tag.
        emitter.naively_switch_states(true);
        let Ok(()) = Tokenizer::new_with_emitter(html, emitter).finish();
        // To the tokenizer <noscript> is text. We run no scripts: read it.
        for html in no_script {
            self.read(&html);
        }
    }

    fn add(&mut self, tag: Tag, href: String) {
        match tag {
            Tag::Link => self.hrefs.push(href),
            Tag::Base if self.base.is_none() => self.base = Some(href),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(html: &str) -> Vec<String> {
        let url = Url::parse("http://example.com/dir/page.html?q").unwrap();
        links(&url, html.as_bytes()).into_iter().map(String::from).collect()
    }

    #[test]
    fn every_form_of_reference_is_resolved() {
        for (href, url) in [
            ("next.html", "http://example.com/dir/next.html"),
            ("../up", "http://example.com/up"),
            ("/top", "http://example.com/top"),
            ("//other.org/x", "http://other.org/x"),
            ("https://secure.org", "https://secure.org/"),
            ("?page=2", "http://example.com/dir/page.html?page=2"),
            ("#part", "http://example.com/dir/page.html?q"),
            (" \n/spaces\t ", "http://example.com/spaces"),
            ("?a=1&amp;b=2", "http://example.com/dir/page.html?a=1&b=2"),
            ("/caf&eacute;", "http://example.com/caf%C3%A9"),
            ("/é", "http://example.com/%C3%A9"),
            ("http://EXAMPLE.com:80/x", "http://example.com/x"),
        ] {
            let html = format!("<a href=\"{href}\">x</a>");
            assert_eq!(found(&html), [url], "{href:?}");
        }
    }

    #[test]
    fn tags_and_attributes_in_any_case_and_quoting() {
        assert_eq!(
            found("<A HREF=/a><area hReF='/b'><link rel=next href=\"/c\">"),
            ["/a", "/b", "/c"].map(|p| format!("http://example.com{p}"))
        );
    }

    #[test]
    fn only_href_of_link_tags_counts() {
        assert_eq!(
            found("<img src=/i><a name=/n data-href=/d>x</a><b href=/b>"),
            [""; 0]
        );
    }

    #[test]
    fn text_that_looks_like_a_tag_is_text() {
        let link = "<a href=/no>";
        for html in [
            format!("<!-- {link} -->"),
            format!("<script>'{link}'</script>"),
            format!("<style>{link}</style>"),
            format!("<textarea>{link}</textarea>"),
            format!("<title>{link}</title>"),
            "&lt;a href=/no&gt;".to_string(),
        ] {
            let html = format!("{html}<a href=/yes>");
            assert_eq!(found(&html), ["http://example.com/yes"], "{html}");
        }
    }

    #[test]
    fn noscript_is_read() {
        assert_eq!(
            found("<noscript><link href=/a></noscript><a href=/b>"),
            ["http://example.com/b", "http://example.com/a"]
        );
    }

    #[test]
    fn the_first_base_applies_to_the_whole_page() {
        assert_eq!(
            found("<a href=x><base href=/b/><base href=/c/><a href=y>"),
            ["http://example.com/b/x", "http://example.com/b/y"]
        );
        let broken = "<base href='http://[/'><a href=x>";
        assert_eq!(found(broken), ["http://example.com/dir/x"]);
    }

    #[test]
    fn a_link_counts_once_whatever_its_fragment() {
        assert_eq!(
            found("<a href=/x#1><a href=/x#2><a href=/x>"),
            ["http://example.com/x"]
        );
    }

    #[test]
    fn what_cannot_be_fetched_is_no_link() {
        assert_eq!(
            found(
                "<a href=mailto:a@b.c><a href=javascript:x><a href=ftp://x/>\
                 <a href=http://><a href='http://[::1'>"
            ),
            [""; 0]
        );
    }

    #[test]
    fn bytes_that_are_not_utf8_do_no_harm() {
        let url = Url::parse("http://example.com/").unwrap();
        let html = b"\xff<a href=/a>\xfe<a href='/b\xff'>\0<a href=/c";
        assert_eq!(links(&url, html)[0].path(), "/a");
    }
}
