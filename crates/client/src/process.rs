//! What the operating system says of this process.
use std::time::Duration;

use redlet_core::{Process, ProcessFigures};

/// This process.
#[derive(Debug)]
pub(crate) struct ThisProcess;

impl Process for ThisProcess {
    fn figures(&self) -> ProcessFigures {
        let executable = std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_default();
        ProcessFigures { executable, ..read_figures() }
    }

    #[expect(clippy::disallowed_methods, reason = "somebody asked for nothing but that time passes")]
    fn pause(&self, duration: Duration) {
        std::thread::sleep(duration);
    }
}

#[cfg(target_os = "linux")]
fn read_figures() -> ProcessFigures {
    let text = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    // A name in brackets may hold anything, spaces too; numbers follow the last bracket.
    let stat = text("/proc/self/stat");
    let numbers: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    // The kernel counts in hundredths of a second for programs, whatever its own clock.
    let micros =
        |at: usize| numbers.get(at).and_then(|ticks| ticks.parse::<u64>().ok()).unwrap_or(0) * 10_000;
    let version = text("/proc/sys/kernel/osrelease");
    ProcessFigures {
        resident_bytes: bytes_of(&text("/proc/self/status"), "VmRSS:"),
        system_bytes: bytes_of(&text("/proc/meminfo"), "MemTotal:"),
        user_micros: micros(11),
        system_micros: micros(12),
        operating_system: format!("Linux {} {}", version.trim(), std::env::consts::ARCH),
        ..ProcessFigures::default()
    }
}

/// A number of kilobytes that stands after its name.
#[cfg(target_os = "linux")]
fn bytes_of(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024
}

#[cfg(not(target_os = "linux"))]
fn read_figures() -> ProcessFigures {
    ProcessFigures::default()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn the_system_knows_this_process() {
        let figures = ThisProcess.figures();
        assert!(figures.resident_bytes > 1 << 20 && figures.resident_bytes < figures.system_bytes);
        assert!(figures.operating_system.starts_with("Linux ") && !figures.executable.is_empty());
    }
}
