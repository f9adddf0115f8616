//! The real programs: builds those of each stage, starts them, and watches
//! them with a deadline. The command-line tests stand on it.

use std::collections::HashSet;
use std::env::{self, consts::EXE_SUFFIX};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use escargot::CargoBuild;

mod running;

pub use running::{DEADLINE, Finished, Running, run, until};

/// A stage with its two programs, and in what it may differ from the others.
#[derive(Debug)]
pub struct Stage {
    /// The name of its package.
    pub name: &'static str,
    /// Whether its crawler speaks TLS.
    pub tls: bool,
    /// Whether its crawler sets a timer for each pause, not for each fetch.
    pub timer_a_pause: bool,
    /// System calls of the echo server for a message on its only busy
    /// connection.
    pub syscalls_alone: f64,
    /// The most system calls for each of 64 messages that are there at once.
    pub syscalls_of_64: f64,
    /// The most memory that an idle connection of the echo server may take,
    /// in bytes.
    pub idle_bytes: usize,
}

/// The stages there are. The command-line tests run for each.
pub const STAGES: &[Stage] = &[
    Stage {
        name: "stage1-callbacks",
        tls: false,
        timer_a_pause: false,
        syscalls_alone: 8.0,
        syscalls_of_64: 3.2,
        idle_bytes: 2 * 1024,
    },
    Stage {
        name: "stage2-generators",
        tls: false,
        timer_a_pause: true,
        syscalls_alone: 8.0,
        syscalls_of_64: 3.2,
        idle_bytes: 2 * 1024,
    },
    Stage {
        name: "stage3-future-task",
        tls: false,
        timer_a_pause: false,
        syscalls_alone: 14.0,
        syscalls_of_64: 4.4,
        idle_bytes: 2 * 1024,
    },
    Stage {
        name: "stage4-async-await",
        tls: false,
        timer_a_pause: false,
        syscalls_alone: 3.0,
        syscalls_of_64: 2.1,
        idle_bytes: 700,
    },
];

/// Does `check` for each stage. If it fails, the output names the stage.
pub fn each_stage(check: impl Fn(&Stage)) {
    for stage in STAGES {
        println!("{}:", stage.name);
        check(stage);
    }
}

/// How a program is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Quickly.
    Debug,
    /// To be quick.
    Release,
}

impl Profile {
    /// How the tests themselves are built.
    pub fn of_the_tests() -> Profile {
        match cfg!(debug_assertions) {
            true => Profile::Debug,
            false => Profile::Release,
        }
    }
}

impl Stage {
    /// This stage's `crawler`, built like the tests.
    pub fn crawler(&self) -> Command {
        Command::new(program(self.name, "crawler", Profile::of_the_tests()))
    }

    /// This stage's `echo-server`, built like the tests.
    pub fn echo_server(&self) -> Command {
        Command::new(program(self.name, "echo-server", Profile::of_the_tests()))
    }

    /// The path of one of this stage's programs, built to be quick.
    pub fn released(&self, name: &str) -> PathBuf {
        program(self.name, name, Profile::Release)
    }
}

/// Builds the programs of `package`, once in a process, and returns the path
/// of the one with this name.
///
/// All stages have programs of the same names, and Cargo would put them all
/// at the same path. So each package has a folder of its own for them; what
/// is compiled on the way there is shared with the tests.
pub fn program(package: &str, name: &str, profile: Profile) -> PathBuf {
    static BUILT: Mutex<Option<HashSet<(String, Profile)>>> = Mutex::new(None);
    let shared = target_dir();
    let own = shared.join("programs").join(package);

    // After a build that failed, the next test fails with its own message.
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (package.to_string(), profile);
    if !built.get_or_insert_default().contains(&key) {
        build(CargoBuild::new().bins(), package, profile, &shared, &own);
        built.get_or_insert_default().insert(key);
    }
    let folder = match profile {
        Profile::Debug => "debug",
        Profile::Release => "release",
    };
    own.join(folder).join(format!("{name}{EXE_SUFFIX}"))
}

/// Builds the examples of `package` and returns the folder they are in.
pub fn examples(package: &str) -> PathBuf {
    let shared = target_dir();
    let own = shared.join("programs").join(package);
    let examples = CargoBuild::new().examples();
    build(examples, package, Profile::Debug, &shared, &own);
    own.join("debug/examples")
}

fn build(
    targets: CargoBuild,
    package: &str,
    profile: Profile,
    shared: &Path,
    own: &Path,
) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    // What there is to download has been downloaded for the tests.
    let mut cargo = targets
        .manifest_path(root)
        .package(package)
        .target_dir(own)
        .args(["--quiet", "--locked", "--offline"]);
    // Since Rust 1.91; before, Cargo compiles anew what could be shared. On
    // Windows it has to: the programs have one path each there, too.
    if !cfg!(windows) {
        cargo = cargo.env("CARGO_BUILD_BUILD_DIR", shared);
    }
    if profile == Profile::Release {
        cargo = cargo.release();
    }
    let messages = cargo.exec().expect("cargo starts");
    for message in messages {
        if let Err(error) = message {
            panic!("cannot build the programs of {package}: {error}");
        }
    }
}

/// Where Cargo has put this test, whatever options and variables say.
///
/// # Panics
///
/// If Cargo has not marked the directory as it does.
pub fn target_dir() -> PathBuf {
    let test = env::current_exe().expect("a test knows its path");
    let marked = |dir: &&Path| dir.join("CACHEDIR.TAG").exists();
    let dir = test.ancestors().find(marked);
    dir.expect("Cargo marks its target directory").to_path_buf()
}

/// Says on the terminal that a test does nothing here, and why. (The test
/// harness shows what a test prints only if the test fails.)
pub fn skip(why: &str) {
    let test = std::thread::current();
    let test = test.name().unwrap_or("a test");
    let _ = writeln!(io::stderr(), "skipped: {test}: {why}");
}

/// An empty directory that is removed when dropped.
#[derive(Debug)]
pub struct TempDir {
    path: PathBuf,
}

impl TempDir {
    /// Makes a directory that no other test has.
    pub fn new() -> TempDir {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("coroutines-{}-{number}", process::id());
        let path = env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("a temporary directory");
        TempDir { path }
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Default for TempDir {
    fn default() -> TempDir {
        TempDir::new()
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        // What is left over is in a temporary place.
        let _ = fs::remove_dir_all(&self.path);
    }
}
