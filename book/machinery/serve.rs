//! Serves the built book on a loopback port, and builds it anew when a file
//! changes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::Result;
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};

use crate::build::{build, load};
use crate::expand::expand;
use crate::pages;
use crate::project::Project;
use crate::server::Server;

/// Serves the book until the program is ended.
///
/// # Errors
///
/// The port is in use, or files cannot be watched.
pub fn serve(root: &Path, port: u16) -> Result<()> {
    let server = Server::start(port, RELOAD)?;
    let mut watch = Watch::new(root)?;
    watch.extend(root)?; // before the build: no change is missed
    rebuild(root, &server);
    println!("the book is at http://{}/", server.address);
    println!("it is built anew when a file changes; Ctrl-C ends it");
    loop {
        watch.wait();
        watch.extend(root)?;
        rebuild(root, &server);
    }
}

/// After an error the old book stays.
fn rebuild(root: &Path, server: &Server) {
    let built = Project::open(root).and_then(|project| build(&project));
    match built.and_then(|folder| Ok(pages::read(&folder)?)) {
        Ok(files) => server.show(files),
        Err(error) => {
            eprintln!("{error:#}");
            server.show_error(format!("{error:#}"));
        }
    }
}

/// Tells when a file has changed that the book is made of.
struct Watch {
    watcher: RecommendedWatcher,
    changes: Receiver<()>,
    folders: BTreeSet<PathBuf>,
}

impl Watch {
    fn new(root: &Path) -> Result<Watch> {
        let (changed, changes) = channel();
        let code = Project::open(root)?.src().join("code"); // our own work
        let watcher = notify::recommended_watcher(move |event| {
            if let Ok(Event { kind, paths, .. }) = event
                && !matches!(kind, EventKind::Access(_))
                && !paths.iter().all(|path| path.starts_with(&code))
            {
                let _ = changed.send(()); // fails only at the very end
            }
        })?;
        Ok(Watch { watcher, changes, folders: BTreeSet::new() })
    }

    /// Watches the files that the book is made of now. Folders and no files:
    /// many editors put a new file in the place of the old one.
    fn extend(&mut self, root: &Path) -> Result<()> {
        let project = Project::open(root)?;
        let mut folders = vec![project.root.clone()];
        let inner = [project.src(), project.root.join("theme")];
        folders.extend(inner.iter().cloned());
        folders.push(project.root.join("outputs"));
        if let Ok(mut book) = load(&project) {
            for source in expand(&project, &mut book.book).sources.keys() {
                let source = project.repository.join(source);
                folders.extend(source.parent().map(PathBuf::from));
            }
        }
        for folder in folders {
            let mode = match inner.contains(&folder) {
                true => RecursiveMode::Recursive,
                false => RecursiveMode::NonRecursive,
            };
            if folder.is_dir() && self.folders.insert(folder.clone()) {
                self.watcher.watch(&folder, mode)?;
            }
        }
        Ok(())
    }

    /// Waits for a change, and for the others that come with it.
    fn wait(&self) {
        let mut next = self.changes.recv().ok();
        while next.is_some() {
            next = self.changes.recv_timeout(Duration::from_millis(200)).ok();
        }
    }
}

/// Asks once a second whether the book has changed.
const RELOAD: &str = "<script>
let shown;
setInterval(async () => {
  const version = await fetch('/version').then(r => r.text(), () => shown);
  if (shown !== undefined && shown !== version) location.reload();
  shown = version;
}, 1000);
</script>";
