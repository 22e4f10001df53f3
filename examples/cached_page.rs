//! Serves a page that takes long to render: many ask for it at once, one renders it, and it is renewed before it expires.
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use redlet::{CacheOptions, ManualClock, Redis, UnixMs};
use redlet_examples::timed;

const VISITORS: usize = 8;

/// Takes some tens of milliseconds of work.
fn render(version: usize) -> String {
    let sum: u64 = (0..400_000_000_u64).fold(0, |sum, n| sum ^ n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    format!("<h1>Version {version}</h1><p>{sum}</p>")
}

fn main() -> redlet::Result<()> {
    let clock = ManualClock::at(UnixMs(1_795_000_000_000));
    let redis = Redis::builder().clock(clock.clone()).build()?;
    let good_for = CacheOptions::from(Duration::from_mins(5)).refresh_after(Duration::from_mins(4));
    let (rendered, together) = (AtomicUsize::new(0), Barrier::new(VISITORS));
    for minute in [0, 1, 4, 5] {
        clock.set(UnixMs(1_795_000_000_000 + minute * 60_000));
        let before = rendered.load(Ordering::SeqCst);
        std::thread::scope(|scope| -> redlet::Result<()> {
            let visits: Vec<_> = (0..VISITORS)
                .map(|_| {
                    scope.spawn(|| {
                        together.wait();
                        timed(|| {
                            redis.get_or_set_with("page", good_for, || {
                                Ok::<_, redlet::Error>(render(rendered.fetch_add(1, Ordering::SeqCst) + 1))
                            })
                        })
                    })
                })
                .collect();
            println!("minute {minute}, {VISITORS} visitors:");
            for visit in visits {
                let (page, took) = visit.join().expect("a visitor does not panic");
                let page = page?;
                let title =
                    page.to_str().ok().and_then(|page| page.split("</h1>").next()).unwrap_or_default();
                println!("  {title}  {took:>10.1?}");
            }
            Ok(())
        })?;
        println!("  rendered {} time(s)", rendered.load(Ordering::SeqCst) - before);
    }
    Ok(())
}
