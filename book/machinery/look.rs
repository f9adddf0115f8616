//! Looks at the built pages in a browser: errors, width, search, pictures.

use std::collections::BTreeSet;
use std::env;
use std::path::Path;

use anyhow::{Result, bail};

use crate::browser::{self, Browser, View};
use crate::build::build_folder;
use crate::chapter::Chapter;
use crate::check::Check;
use crate::pages::Files;
use crate::server::Server;

/// Finds an element that reaches beyond the window and cannot be scrolled.
/// The page's own width does not tell: mdBook cuts off what is too wide.
const WIDE: &str = "width => {
    const main = document.querySelector('main') || document.body;
    const scrolls = e => e !== main
        && (getComputedStyle(e).overflowX !== 'visible'
            || scrolls(e.parentElement));
    for (const e of main.querySelectorAll('*')) {
        const right = e.getBoundingClientRect().right;
        if (right > width + 1 && !scrolls(e.parentElement))
            return `<${e.localName}> ${e.textContent.trim().slice(0, 40)}`;
    }
}";

impl Check<'_> {
    /// Opens each page in Chromium; gives how many pages were seen.
    pub fn look(
        &mut self,
        chapters: &[Chapter],
        files: Files,
    ) -> Result<usize> {
        let Some(program) = browser::find() else {
            if env::var_os("REQUIRE_BROWSER").is_some_and(|value| value == "1")
            {
                bail!("REQUIRE_BROWSER=1, but there is no Chromium");
            }
            println!("skipped the look at the pages: there is no Chromium");
            return Ok(0);
        };
        let pages: BTreeSet<String> = files
            .keys()
            .filter(|path| path.ends_with(".html"))
            .filter(|path| !matches!(path.as_str(), "toc.html" | "print.html"))
            .cloned()
            .collect();
        let server = Server::start(0, "")?;
        server.show(files);
        let mut browser =
            Browser::start(&program, &format!("http://{}", server.address))?;
        let folder = self.project.root.join("screenshots");
        for page in &pages {
            eprintln!("look at {page}");
            for text in self.look_at(&mut browser, page, &folder)? {
                let chapter = chapters.iter().find(|c| c.page == *page);
                match chapter {
                    Some(chapter) => self.add(chapter, 1, text),
                    None => {
                        let page = build_folder(self.project).join(page);
                        let problem = self.project.problem(&page, 1, text);
                        self.problems.push(problem);
                    }
                }
            }
        }
        if let Some(chapter) = chapters.first() {
            self.search(&mut browser, chapter)?;
        }
        Ok(pages.len())
    }

    fn look_at(
        &self,
        browser: &mut Browser,
        page: &str,
        folder: &Path,
    ) -> Result<Vec<String>> {
        const VIEWS: [View; 3] = [
            View { name: "desktop", width: 1280, dark: false },
            View { name: "dark", width: 1280, dark: true },
            View { name: "phone", width: 390, dark: false },
        ];
        let mut faults = Vec::new();
        for view in &VIEWS {
            // Source pages are many and all alike.
            if page.starts_with("code/") && view.name == "dark" {
                continue;
            }
            faults.extend(browser.open(page, view)?);
            let wide = browser.eval(&format!("({WIDE})({})", view.width))?;
            if let Some(element) = wide.as_str() {
                let name = view.name;
                faults.push(format!("{element} is too wide ({name})"));
            }
            let name = page.replace('/', "-").replace(".html", "");
            let file = folder.join(format!("{name}.{}.png", view.name));
            browser.screenshot(&file)?;
        }
        Ok(faults)
    }

    /// The search must find the first long word of a chapter's title.
    fn search(
        &mut self,
        browser: &mut Browser,
        chapter: &Chapter,
    ) -> Result<()> {
        let words = chapter.name.split(|c: char| !c.is_alphabetic());
        let word = words.max_by_key(|word| word.len()).unwrap_or_default();
        let view = View { name: "search", width: 1280, dark: false };
        let page = format!("{}?search={word}", chapter.page);
        let mut faults = browser.open(&page, &view)?;
        let found = browser.eval(
            "new Promise(done => {
                const end = Date.now() + 10000;
                const look = () => {
                    const found =
                        document.querySelector('#mdbook-searchresults li');
                    if (found || Date.now() > end) done(found !== null);
                    else setTimeout(look, 50);
                };
                look();
            })",
        )?;
        if found != true {
            faults.push(format!("the search does not find `{word}`"));
        }
        for text in faults {
            self.add(chapter, 1, text);
        }
        Ok(())
    }
}
