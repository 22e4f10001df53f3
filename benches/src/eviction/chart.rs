//! The table as a drawing: for each capacity a panel, for each trace a line, for each policy a mark at its hit ratio.
use std::fmt::Write;

use super::Contender;

/// The hit ratios on one trace, in the order of [`Contender::ALL`].
#[derive(Clone, Debug)]
pub struct Row {
    /// The trace.
    pub name: String,
    /// In percent.
    pub ratios: Vec<f64>,
}

/// Rows of one capacity.
#[derive(Clone, Debug)]
pub struct Panel {
    /// What is above it.
    pub title: String,
    /// From top to bottom.
    pub rows: Vec<Row>,
}

/// Those that are drawn; the others would only cover them.
const DRAWN: [(Contender, &str); 8] = [
    (Contender::Lru, "#4c78a8"),
    (Contender::Lfu, "#9d755d"),
    (Contender::S3Fifo, "#72b7b2"),
    (Contender::WTinyLfu, "#f58518"),
    (Contender::WTinyLfuClimbing, "#eeca3b"),
    (Contender::Moka, "#b279a2"),
    (Contender::QuickCache, "#54a24b"),
    (Contender::Adaptive, "#e45756"),
];

const NAMES_WIDTH: f64 = 130.0;
const PLOT_WIDTH: f64 = 300.0;
const PANEL_WIDTH: f64 = PLOT_WIDTH + 30.0;
const LINE_HEIGHT: f64 = 20.0;
const TOP: f64 = 70.0;

/// The drawing as an SVG file.
pub fn svg(panels: &[Panel]) -> String {
    let lines = panels.iter().map(|panel| panel.rows.len()).max().unwrap_or(0) as f64;
    let width = NAMES_WIDTH + PANEL_WIDTH * panels.len() as f64;
    let height = TOP + LINE_HEIGHT * lines + 40.0;
    let mut out = String::new();
    // Writing into a string cannot fail.
    let _ = draw(&mut out, panels, width, height);
    out
}

fn draw(out: &mut String, panels: &[Panel], width: f64, height: f64) -> std::fmt::Result {
    writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="sans-serif" font-size="12">"#
    )?;
    writeln!(out, r#"<rect width="100%" height="100%" fill="white"/>"#)?;
    let mut left = NAMES_WIDTH;
    for (contender, color) in DRAWN {
        mark(out, contender, color, left, 16.0)?;
        writeln!(out, r#"<text x="{}" y="20">{}</text>"#, left + 10.0, contender.name())?;
        left += 100.0;
    }
    writeln!(out, r##"<rect x="{left}" y="11" width="14" height="10" fill="#e8e8e8"/>"##)?;
    writeln!(out, r#"<text x="{}" y="20">up to Belady's bound</text>"#, left + 20.0)?;
    for (at, panel) in panels.iter().enumerate() {
        draw_panel(out, panel, NAMES_WIDTH + PANEL_WIDTH * at as f64, at == 0)?;
    }
    writeln!(out, "</svg>")
}

fn draw_panel(out: &mut String, panel: &Panel, left: f64, names: bool) -> std::fmt::Result {
    let bottom = TOP + LINE_HEIGHT * panel.rows.len() as f64;
    writeln!(
        out,
        r#"<text x="{}" y="{}" text-anchor="middle" font-weight="bold">{}</text>"#,
        left + PLOT_WIDTH / 2.0,
        TOP - 20.0,
        panel.title
    )?;
    for percent in [0, 25, 50, 75, 100] {
        let x = left + PLOT_WIDTH * f64::from(percent) / 100.0;
        writeln!(out, r##"<path d="M{x} {}V{bottom}" stroke="#dddddd"/>"##, TOP - 8.0)?;
        writeln!(
            out,
            r##"<text x="{x}" y="{}" text-anchor="middle" fill="#777777">{percent}</text>"##,
            bottom + 18.0
        )?;
    }
    for (at, row) in panel.rows.iter().enumerate() {
        let y = TOP + LINE_HEIGHT * at as f64 + LINE_HEIGHT / 2.0;
        if names {
            writeln!(
                out,
                r#"<text x="{}" y="{}" text-anchor="end">{}</text>"#,
                left - 12.0,
                y + 4.0,
                row.name
            )?;
        }
        let ratio = |wanted| {
            let at = Contender::ALL.iter().position(|&contender| contender == wanted);
            PLOT_WIDTH * row.ratios[at.expect("every contender is in the table")] / 100.0
        };
        writeln!(
            out,
            r##"<rect x="{left}" y="{}" width="{:.1}" height="10" fill="#e8e8e8"/>"##,
            y - 5.0,
            ratio(Contender::Belady)
        )?;
        for (contender, color) in DRAWN {
            mark(out, contender, color, left + ratio(contender), y)?;
        }
    }
    Ok(())
}

fn mark(out: &mut String, contender: Contender, color: &str, x: f64, y: f64) -> std::fmt::Result {
    if contender == Contender::Adaptive {
        writeln!(out, r#"<path d="M{x:.1} {}l6 6l-6 6l-6 -6z" fill="{color}" stroke="white"/>"#, y - 6.0)
    } else {
        writeln!(out, r#"<circle cx="{x:.1}" cy="{y}" r="4" fill="{color}" fill-opacity="0.8"/>"#)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_drawn_policy_has_a_mark_at_its_ratio() {
        let ratios = (0..Contender::ALL.len()).map(|at| at as f64).collect();
        let rows = vec![Row { name: "a trace".into(), ratios }];
        let drawing = svg(&[Panel { title: "1 %".into(), rows }]);
        for (contender, color) in DRAWN {
            let marks = drawing.lines().filter(|line| line.contains(color)).count();
            assert_eq!(marks, 2, "{} in the legend and in the plot", contender.name());
        }
        assert!(drawing.contains("a trace") && drawing.ends_with("</svg>\n"));
    }
}
