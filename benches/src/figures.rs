//! What was measured, and how it is printed beside what it has to reach. Knows nothing of how it was measured.
use std::collections::BTreeMap;
use std::fmt;
use std::time::Instant;

/// One value a run, by row and column.
#[derive(Debug, Default)]
pub struct Figures(BTreeMap<(String, &'static str), Vec<f64>>);

impl Figures {
    /// Adds what a run measured.
    pub fn note(&mut self, row: &str, column: &'static str, value: f64) {
        self.0.entry((row.to_owned(), column)).or_default().push(value);
    }

    /// The median of the runs; `None` if nothing was measured there.
    pub fn median(&self, row: &str, column: &'static str) -> Option<f64> {
        self.0.get(&(row.to_owned(), column)).map(|values| median(values))
    }

    /// A row's cells, right-aligned under [`heading`], and after them the verdicts.
    pub fn print(&self, row: &str, columns: &[&'static str], verdicts: &[Verdict]) {
        let cell = |column: &&'static str| {
            let text = self.median(row, column).map_or("-".into(), |value| format!("{value:.1}"));
            format!("{text:>12}")
        };
        let cells: String = columns.iter().map(cell).collect();
        let verdicts: Vec<String> = verdicts.iter().map(ToString::to_string).collect();
        println!("{row:<32}{cells}   {}", verdicts.join("; "));
    }
}

/// The names of the columns, over what [`Figures::print`] prints.
pub fn heading(title: &str, columns: &[&str]) {
    print!("\n{title}\n{:<32}", "");
    columns.iter().for_each(|name| print!("{name:>12}"));
    println!("   to reach");
}

/// The value in the middle.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// What a value has to reach.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// Not more than this.
    AtMost(f64),
    /// Not less than this.
    AtLeast(f64),
}

/// A value beside what it has to reach: `0.71 x DashMap, at most 0.7: MISSED`.
#[derive(Clone, Debug)]
pub struct Verdict {
    value: f64,
    what: String,
    limit: Limit,
}

impl Verdict {
    /// `what` says what is counted.
    pub fn new(value: f64, what: impl Into<String>, limit: Limit) -> Self {
        Self { value, what: what.into(), limit }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { value, what, limit } = self;
        let (reached, words, limit) = match *limit {
            Limit::AtMost(limit) => (*value <= limit, "at most", limit),
            Limit::AtLeast(limit) => (*value >= limit, "at least", limit),
        };
        let verdict = if reached { "ok" } else { "MISSED" };
        write!(f, "{value:.2} {what}, {words} {limit}: {verdict}")
    }
}

/// Nanoseconds an operation of some work.
pub fn per_operation(operations: usize, work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_nanos() as f64 / operations as f64
}
