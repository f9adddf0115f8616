//! What to fetch next: the queue, what has been seen, and what a finished
//! fetch leads to.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::time::{Duration, Instant};

use url::{Host, Position, Url};

use super::{CrawlOptions, ErrorKind, FetchError, Page, Summary, Waiting};
use crate::http::{ROBOT_NAME, Response};
use crate::links;

/// What came of one try.
pub type Outcome = Result<Response, FetchError>;

/// One fetch that a stage is asked to do.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its name in the [`Frontier`]; another try has another one.
    pub id: usize,
    /// What to fetch.
    pub url: Url,
    /// When it was handed out.
    pub started: Instant,
}

impl fmt::Display for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fetch {} {}", self.id, self.url)
    }
}

/// One URL on its way through the frontier.
#[derive(Debug)]
struct Item {
    url: Url,
    purpose: Purpose,
    /// How often it has been handed out.
    tries: usize,
    /// The time that these tries took.
    elapsed: Duration,
    /// The URLs that redirected here, the first one first.
    redirected_from: Vec<Url>,
}

#[derive(Debug)]
enum Purpose {
    /// A URL the crawl was started with: said why if it is not fetched.
    Root,
    /// A URL found in a page or a redirect.
    Found,
    /// The `robots.txt` of this host: decides about others, not reported.
    Robots(Site),
}

impl Item {
    fn new(url: Url, purpose: Purpose, redirected_from: Vec<Url>) -> Item {
        let elapsed = Duration::ZERO;
        Item { url, purpose, tries: 0, elapsed, redirected_from }
    }
}

/// A scheme, a host name and a port: what one `robots.txt` speaks for.
type Site = String;

fn site(url: &Url) -> Site {
    url[..Position::BeforePath].to_string()
}

/// What is known of a site's `robots.txt`.
#[derive(Debug)]
enum Robots {
    /// On its way; these items wait for it.
    Asked(Vec<Item>),
    /// Its text; empty if there is none.
    Rules(String),
    /// It cannot be had, so nothing may be fetched: why, after how many tries.
    Unreachable(FetchError, usize),
}

/// The state of a crawl: what to do, what is being done, what has been seen.
#[derive(Debug)]
pub struct Frontier {
    options: CrawlOptions,
    queue: VecDeque<Item>,
    /// Every URL that was ever queued.
    seen: HashSet<Url>,
    robots: HashMap<Site, Robots>,
    /// What has been handed out, and when, by the job's `id`.
    in_flight: HashMap<usize, (Item, Instant)>,
    /// Jobs handed out so far.
    handed_out: usize,
    /// URLs handed out so far, further tries and `robots.txt` aside.
    fetched: usize,
    /// Finished, to be reported.
    pages: Vec<Page>,
    summary: Summary,
    started: Instant,
}

impl Frontier {
    /// A crawl that begins `now`, with the roots to do.
    pub fn new(options: &CrawlOptions, now: Instant) -> Frontier {
        let mut frontier = Frontier {
            options: options.clone(),
            queue: VecDeque::new(),
            seen: HashSet::new(),
            robots: HashMap::new(),
            in_flight: HashMap::new(),
            handed_out: 0,
            fetched: 0,
            pages: Vec::new(),
            summary: Summary::default(),
            started: now,
        };
        for root in &options.roots {
            let mut url = root.clone();
            url.set_fragment(None);
            frontier.add(url, Purpose::Root, Vec::new());
        }
        frontier
    }

    /// The next job to begin `now`; `None` while there is nothing to begin.
    /// More may come after a [`finish`](Self::finish).
    pub fn next(&mut self, now: Instant) -> Option<Job> {
        if self.in_flight.len() >= self.options.max_tasks.max(1) {
            return None;
        }
        while let Some(item) = self.queue.pop_front() {
            if let Some(mut item) = self.admit(item) {
                item.tries += 1;
                self.handed_out += 1;
                let (id, url) = (self.handed_out, item.url.clone());
                self.in_flight.insert(id, (item, now));
                let most = &mut self.summary.max_in_flight;
                *most = self.in_flight.len().max(*most);
                return Some(Job { id, url, started: now });
            }
        }
        None
    }

    /// Takes in what came of a job, `now`. A job that was finished before is
    /// ignored. One to try again joins the end of the queue: others come
    /// first.
    pub fn finish(&mut self, id: usize, outcome: Outcome, now: Instant) {
        let Some((mut item, started)) = self.in_flight.remove(&id) else {
            return;
        };
        item.elapsed += now.saturating_duration_since(started);
        match outcome {
            Err(error)
                if error.kind.is_transient()
                    && item.tries < self.options.max_tries =>
            {
                self.queue.push_back(item);
            }
            outcome => match item.purpose {
                Purpose::Robots(_) => self.finish_robots(item, outcome),
                _ => self.finish_page(&item, outcome),
            },
        }
    }

    /// The pages finished since the last call, in order of completion.
    pub fn take_pages(&mut self) -> Vec<Page> {
        std::mem::take(&mut self.pages)
    }

    /// Whether nothing is left to do and nothing is being done.
    pub fn is_finished(&self) -> bool {
        self.queue.is_empty() && self.in_flight.is_empty()
    }

    /// The totals of what has been done until `now`, and the jobs that a
    /// crawl which ends before [`is_finished`](Self::is_finished) leaves.
    pub fn summary(&self, now: Instant, waiting: Vec<Waiting>) -> Summary {
        Summary {
            elapsed: now.saturating_duration_since(self.started),
            interrupted: !self.is_finished(),
            waiting,
            ..self.summary.clone()
        }
    }

    /// Queues `url` unless it has been queued before.
    fn add(&mut self, url: Url, purpose: Purpose, redirected_from: Vec<Url>) {
        if self.seen.insert(url.clone()) {
            self.queue.push_back(Item::new(url, purpose, redirected_from));
        }
    }

    /// Gives `item` back if it may be fetched now; else gives the fetch of
    /// the `robots.txt` that it must wait for, or nothing.
    fn admit(&mut self, item: Item) -> Option<Item> {
        if item.tries > 0 || matches!(item.purpose, Purpose::Robots(_)) {
            return Some(item);
        }
        if self.options.max_pages.is_some_and(|max| self.fetched >= max) {
            return None;
        }
        if !self.options.ignore_robots {
            let site = site(&item.url);
            match self.robots.get_mut(&site) {
                None => {
                    let url = item.url.join("/robots.txt").ok()?;
                    self.robots.insert(site.clone(), Robots::Asked(vec![item]));
                    return Some(Item::new(url, Purpose::Robots(site), vec![]));
                }
                Some(Robots::Asked(waiting)) => {
                    waiting.push(item);
                    return None;
                }
                Some(Robots::Rules(text)) => {
                    if !robots_allow(text, &item.url) {
                        self.disallowed(item);
                        return None;
                    }
                }
                Some(Robots::Unreachable(error, tries)) => {
                    let mut page = empty_page(&item);
                    page.error = Some(error.clone());
                    page.tries = *tries;
                    self.fetched += 1;
                    self.report(page);
                    return None;
                }
            }
        }
        self.fetched += 1;
        Some(item)
    }

    /// Leaves out what `robots.txt` forbids; says so if it was asked for.
    fn disallowed(&mut self, item: Item) {
        self.summary.disallowed += 1;
        if let Purpose::Root = item.purpose {
            let mut page = empty_page(&item);
            page.error = Some(FetchError::new(
                ErrorKind::Robots,
                "robots.txt forbids it (--ignore-robots fetches it)",
            ));
            self.fetched += 1;
            self.report(page);
        }
    }

    /// What a `robots.txt` that did or did not come means (RFC 9309, 2.3.1).
    fn finish_robots(&mut self, mut item: Item, outcome: Outcome) {
        self.summary.sequential += item.elapsed;
        let tries = item.tries;
        let robots = match outcome {
            Err(error) if error.kind.is_transient() => {
                Robots::Unreachable(error, tries)
            }
            // There may be rules at the end of a redirect to https.
            Err(error) if !item.redirected_from.is_empty() => {
                let message = format!("{}: {error}", item.url);
                let error = FetchError::new(error.kind, message);
                Robots::Unreachable(error, tries)
            }
            // Nothing that could be understood: no rules.
            Err(_) => Robots::Rules(String::new()),
            Ok(response) => {
                if let Some(Ok(target)) = redirect(&item.url, &response)
                    && links::is_web(&target)
                    && item.redirected_from.len() < self.options.max_redirects
                {
                    item.redirected_from.push(item.url);
                    item.url = target;
                    item.tries = 0;
                    item.elapsed = Duration::ZERO;
                    self.queue.push_front(item);
                    return;
                }
                match response.status {
                    200..300 => Robots::Rules(
                        String::from_utf8_lossy(&response.body).into(),
                    ),
                    500.. => Robots::Unreachable(
                        FetchError::new(
                            ErrorKind::Robots,
                            format!(
                                "{} answered {}, so nothing may be fetched",
                                item.url,
                                status_line(&response)
                            ),
                        ),
                        tries,
                    ),
                    _ => Robots::Rules(String::new()),
                }
            }
        };
        let Purpose::Robots(site) = item.purpose else { return };
        if let Some(Robots::Asked(waiting)) = self.robots.insert(site, robots) {
            for item in waiting.into_iter().rev() {
                self.queue.push_front(item);
            }
        }
    }

    fn finish_page(&mut self, item: &Item, outcome: Outcome) {
        let mut page = empty_page(item);
        match outcome {
            Err(error) => page.error = Some(error),
            Ok(response) => self.read_response(item, response, &mut page),
        }
        self.report(page);
    }

    /// Fills `page` from the response and queues what it leads to.
    fn read_response(
        &mut self,
        item: &Item,
        response: Response,
        page: &mut Page,
    ) {
        page.status = Some(response.status);
        page.size = response.body.len();
        if let Some(target) = redirect(&item.url, &response) {
            match target {
                Ok(target) => self.follow_redirect(item, target, page),
                Err(error) => page.error = Some(error),
            }
        } else if response.status >= 400 {
            let message = status_line(&response);
            page.error = Some(FetchError::new(ErrorKind::Status, message));
        } else if is_html(&response) {
            for link in links::links(&item.url, &response.body) {
                page.links += 1;
                if self.allows(&link) && !self.seen.contains(&link) {
                    page.new_links += 1;
                    self.add(link, Purpose::Found, Vec::new());
                }
            }
        }
        if response.cut_off {
            let max = self.options.max_body;
            page.error = Some(FetchError::new(
                ErrorKind::TooLarge,
                format!("body cut off at {max} bytes"),
            ));
        }
        page.content_type = response.content_type;
    }

    fn follow_redirect(&mut self, item: &Item, target: Url, page: &mut Page) {
        let mut from = item.redirected_from.clone();
        from.push(item.url.clone());
        page.redirect = Some(target.clone());
        if from.contains(&target) {
            page.error = Some(FetchError::new(
                ErrorKind::RedirectLoop,
                format!("redirects back to {target}"),
            ));
        } else if from.len() > self.options.max_redirects {
            page.error = Some(FetchError::new(
                ErrorKind::TooManyRedirects,
                format!(
                    "more than {} redirects from {}",
                    self.options.max_redirects, from[0]
                ),
            ));
        } else if self.allows(&target) {
            self.add(target, Purpose::Found, from);
        }
    }

    /// Whether a link to `url` is followed.
    fn allows(&self, url: &Url) -> bool {
        let near = |root| is_near(url, root, self.options.lenient);
        links::is_web(url)
            && self.options.roots.iter().any(near)
            && !self.options.exclude.iter().any(|e| e.is_match(url.as_str()))
    }

    fn report(&mut self, page: Page) {
        let summary = &mut self.summary;
        summary.pages += 1;
        summary.errors += usize::from(page.error.is_some());
        summary.bytes += page.size as u64;
        summary.sequential += page.elapsed;
        if let Some(status) = page.status {
            *summary.statuses.entry(status).or_default() += 1;
        }
        self.pages.push(page);
    }
}

fn empty_page(item: &Item) -> Page {
    Page {
        url: item.url.clone(),
        status: None,
        content_type: None,
        size: 0,
        links: 0,
        new_links: 0,
        redirect: None,
        error: None,
        tries: item.tries,
        elapsed: item.elapsed,
    }
}

/// Where `response` sends the reader of `url`, if it does.
fn redirect(url: &Url, response: &Response) -> Option<Result<Url, FetchError>> {
    if !matches!(response.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let location = response.location.as_deref()?;
    Some(match url.join(location) {
        Ok(mut target) => {
            target.set_fragment(None);
            Ok(target)
        }
        Err(error) => Err(FetchError::new(
            ErrorKind::Malformed,
            format!("redirects to {location:?}: {error}"),
        )),
    })
}

fn is_html(response: &Response) -> bool {
    let whole = response.content_type.as_deref().unwrap_or_default();
    let kind = whole.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("text/html")
        || kind.eq_ignore_ascii_case("application/xhtml+xml")
}

fn status_line(response: &Response) -> String {
    format!("{} {}", response.status, response.reason).trim_end().to_string()
}

fn robots_allow(text: &str, url: &Url) -> bool {
    text.is_empty()
        || robotstxt::DefaultMatcher::default().one_agent_allowed_by_robots(
            text,
            ROBOT_NAME,
            url.as_str(),
        )
}

/// Whether `url` is on the host of `root`, or near enough. A host is a name
/// and a port; the standard ports of http and https count as one.
fn is_near(url: &Url, root: &Url, lenient: bool) -> bool {
    if url.port() != root.port() {
        return false;
    }
    match (url.host(), root.host()) {
        (Some(Host::Domain(a)), Some(Host::Domain(b))) if lenient => {
            last_two_labels(a) == last_two_labels(b)
        }
        (Some(Host::Domain(a)), Some(Host::Domain(b))) => {
            without_www(a) == without_www(b)
        }
        (a, b) => a == b,
    }
}

fn without_www(name: &str) -> &str {
    name.strip_prefix("www.").unwrap_or(name)
}

fn last_two_labels(name: &str) -> &str {
    match name.rmatch_indices('.').nth(1) {
        Some((dot, _)) => &name[dot + 1..],
        None => name,
    }
}
