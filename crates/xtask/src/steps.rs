//! The programs that each task starts, in order. The first that fails ends the task.
use std::collections::hash_map::RandomState;
use std::env;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The top of the workspace.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map(Path::to_owned).unwrap_or_default()
}

fn cargo(words: &[&str]) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(workspace()).args(words);
    command
}

/// Starts a program, shows what, and fails when it does.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    let program =
        Path::new(command.get_program()).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let shown = format!("{program} {}", words.join(" "));
    println!("\n$ {shown}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{shown}` failed ({status})")),
        Err(error) => Err(format!("`{shown}` did not start: {error}")),
    }
}

#[expect(clippy::disallowed_methods, reason = "tells the developer how long a task took")]
fn timed(task: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let start = Instant::now();
    task()?;
    println!("\nall passed in {:.1} s", start.elapsed().as_secs_f64());
    Ok(())
}

/// Everything that continuous integration tests after formatting, lints and documentation.
pub(crate) fn test() -> Result<(), String> {
    timed(|| {
        // Shows what was compared with which server. All packages at once: by itself each would have features of its own, and the
        // engine be built again for them.
        run(&mut cargo(&["test", "--workspace", "--all-targets", "--", "--show-output"]))?;
        run(&mut cargo(&["test", "--workspace", "--doc"]))?;
        crate::compatibility::renew(true)?;
        examples()?;
        crate::python::test(false)
    })
}

/// Each example once. They read `REDLET_EXAMPLE_SMALL` and then do with little input and little time.
fn examples() -> Result<(), String> {
    let folder = workspace().join("examples");
    let Ok(entries) = folder.read_dir() else { return Ok(()) };
    let mut names: Vec<String> = entries
        .flatten()
        .filter_map(|entry| {
            let path = entry.path();
            let single = path.extension().is_some_and(|extension| extension == "rs");
            let stem = path.file_stem()?.to_str()?.to_owned();
            (single || path.join("main.rs").is_file()).then_some(stem)
        })
        .collect();
    names.sort();
    for name in names {
        let words = ["run", "--quiet", "--package", "redlet-examples", "--example", &name];
        run(cargo(&words).env("REDLET_EXAMPLE_SMALL", "1").stdin(Stdio::null()))?;
    }
    Ok(())
}

pub(crate) fn record(groups: &[String]) -> Result<(), String> {
    let mut record = cargo(&["run", "--quiet", "--package", "redlet-tests", "--bin", "record", "--"]);
    run(record.args(groups))
}

pub(crate) fn bench(program: &str, arguments: &[String]) -> Result<(), String> {
    // Programs start each other.
    run(&mut cargo(&["build", "--release", "--package", "redlet-benches", "--bins"]))?;
    let words = ["run", "--release", "--package", "redlet-benches", "--bin", program, "--"];
    run(cargo(&words).args(arguments))
}

pub(crate) fn nightly(commands: u64, seed: Option<u64>, fuzz_seconds: u64) -> Result<(), String> {
    timed(|| {
        // The only randomness that the standard library offers.
        let seed = seed.unwrap_or_else(|| RandomState::new().hash_one("nightly"));
        let words = [
            "test",
            "--release",
            "--package",
            "redlet-tests",
            "--test",
            "random",
            "--test",
            "sessions",
            "--",
            "--nocapture",
        ];
        let (commands, seed) = (commands.to_string(), seed.to_string());
        run(cargo(&words)
            .env("REDLET_RANDOM_COMMANDS", &commands)
            .env("REDLET_SESSION_STEPS", &commands)
            .env("REDLET_SEED", &seed))?;
        waiting(&seed)?;
        in_every_order()?;
        sanitized()?;
        thread_sanitized(&seed)?;
        under_valgrind()?;
        crate::python::test(true)?;
        fuzz(fuzz_seconds)
    })
}

/// Those who wait and those who serve them, in many threads, for ten minutes.
fn waiting(seed: &str) -> Result<(), String> {
    let words = ["test", "--release", "--package", "redlet", "--test", "waiting", "--", "--nocapture"];
    run(cargo(&words).env("REDLET_WAITING_SECONDS", "600").env("REDLET_SEED", seed))
}

/// Where one who waits and those who serve meet, in every order that their threads can have.
fn in_every_order() -> Result<(), String> {
    let words = ["test", "--package", "redlet-core", "--lib", "--target-dir", "target/loom", "slot::"];
    run(cargo(&words).env("RUSTFLAGS", "--cfg loom"))
}

/// For which target sanitizers are set up. Their runtimes come with every toolchain for it.
const SANITIZED: &str = "x86_64-unknown-linux-gnu";

fn can_sanitize() -> bool {
    let can = cfg!(all(target_arch = "x86_64", target_os = "linux", target_env = "gnu"));
    if !can {
        println!("\nskipped: sanitizers are set up for {SANITIZED}");
    }
    can
}

/// Those who wait and those who serve them under `ThreadSanitizer`, for a minute.
fn thread_sanitized(seed: &str) -> Result<(), String> {
    if !can_sanitize() {
        return Ok(());
    }
    let known = workspace().join("crates/xtask/thread-sanitizer.supp");
    let words = ["test", "--package", "redlet", "--test", "waiting", "--test", "concurrency"];
    run(cargo(&words)
        .args(["--target", SANITIZED, "--target-dir", "target/thread-sanitized"])
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Zsanitizer=thread -Cunsafe-allow-abi-mismatch=sanitizer")
        .env("TSAN_OPTIONS", format!("history_size=4 suppressions={}", known.display()))
        .env("REDLET_WAITING_SECONDS", "60")
        .env("REDLET_WAITING_ELEMENTS", "300")
        .env("REDLET_SEED", seed))
}

/// The engine's unit tests and all of the scripts' under `AddressSanitizer`.
fn sanitized() -> Result<(), String> {
    if !can_sanitize() {
        return Ok(());
    }
    let words = [
        "test",
        "--package",
        "redlet-core",
        "--lib",
        "--target",
        SANITIZED,
        "--target-dir",
        "target/sanitized",
    ];
    // Small blocks lie in pages, where nobody sees who goes beyond his own; so once with each of them apart. The flag is unstable,
    // and so is asking a stable compiler for it; nothing that is shipped is built so.
    for flags in ["-Zsanitizer=address", "-Zsanitizer=address --cfg redlet_blocks_apart"] {
        run(cargo(&words).env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", flags))?;
    }
    let scripts = ["test", "--package", "redlet-script", "--lib", "--tests"];
    run(cargo(&scripts)
        .args(["--target", SANITIZED, "--target-dir", "target/sanitized"])
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Zsanitizer=address"))
}

/// The tests of the files with unsafe code under valgrind's memcheck.
fn under_valgrind() -> Result<(), String> {
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_err() {
        println!("\nskipped: valgrind is not installed");
        return Ok(());
    }
    let words = [
        "test",
        "--package",
        "redlet-core",
        "--lib",
        "--",
        "entry::",
        "bytes::",
        "heap::",
        "scored_member::",
    ];
    let runner = "valgrind --quiet --error-exitcode=1 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite";
    // Few cases: each takes fifty times as long.
    run(cargo(&words).env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER", runner).env("PROPTEST_CASES", "20"))
}

fn fuzz(seconds: u64) -> Result<(), String> {
    // Only rustup's own `cargo` knows `+nightly`; the one that `CARGO` names is a toolchain's.
    let nightly = |words: &[&str]| {
        let mut command = Command::new("cargo");
        command.current_dir(workspace()).arg("+nightly").args(words);
        command
    };
    let list = nightly(&["fuzz", "list"]).stderr(Stdio::null()).output();
    let targets = match list {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        _ => {
            println!("\nskipped: fuzzing needs cargo-fuzz and a nightly toolchain");
            return Ok(());
        }
    };
    let limit = format!("-max_total_time={seconds}");
    targets.lines().try_for_each(|target| {
        let mut command = nightly(&["fuzz", "run", target]);
        // What was found earlier, and what the repository gives to begin with.
        let (found, seeds) = (format!("fuzz/corpus/{target}"), format!("fuzz/seeds/{target}"));
        if workspace().join(&seeds).is_dir() {
            command.args([found, seeds]);
        }
        run(command.args(["--", &limit]))
    })
}
