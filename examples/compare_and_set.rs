//! Books seats: whoever decides by what was read writes only if it still holds, and otherwise looks again.
use std::error::Error;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use redlet::{Redis, TypedCommands};
use serde::{Deserialize, Serialize};

const CUSTOMERS: usize = 4;
const ROWS: usize = 6;
const SEATS: usize = 10;

#[derive(Serialize, Deserialize)]
struct Row {
    taken_by: Vec<Option<String>>,
}

impl Row {
    /// Three seats side by side: for that the whole row has to be looked at.
    fn three_together(&self) -> Option<usize> {
        self.taken_by.windows(3).position(|seats| seats.iter().all(Option::is_none))
    }
}

fn book(redis: &Redis, row: &str, who: &str, tries: &AtomicUsize) -> Result<bool, Box<dyn Error>> {
    redis.optimistic(&[row], |watched| {
        tries.fetch_add(1, Ordering::Relaxed);
        let mut plan: Row = redis.get_as(row)?.ok_or("there is no such row")?;
        // Thinks it over, while the others go on.
        std::thread::yield_now();
        let Some(first) = plan.three_together() else { return Ok(Some(false)) };
        plan.taken_by[first..first + 3].fill(Some(who.to_owned()));
        watched.commit(|t| {
            t.set_as(row, &plan)?;
            Ok(true)
        })
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let redis = Redis::memory();
    let rows: Vec<String> = (1..=ROWS).map(|number| format!("row:{number}")).collect();
    for row in &rows {
        redis.set_as(row, &Row { taken_by: vec![None; SEATS] })?;
    }
    let (tries, booked) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let opening = Barrier::new(CUSTOMERS);
    std::thread::scope(|scope| {
        for customer in 0..CUSTOMERS {
            let (redis, rows, tries, booked, opening) = (&redis, &rows, &tries, &booked, &opening);
            scope.spawn(move || {
                opening.wait();
                for row in rows {
                    while book(redis, row, &format!("{customer}"), tries).expect("the rows are there") {
                        booked.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    for row in &rows {
        let plan: Row = redis.get_as(row)?.ok_or("there is no such row")?;
        let seats: String = plan.taken_by.iter().map(|seat| seat.as_deref().unwrap_or(".")).collect();
        println!("{row}  {seats}");
    }
    let (tries, booked) = (tries.into_inner(), booked.into_inner());
    println!("{booked} bookings of three seats, {tries} looks at a row");
    assert_eq!(booked, ROWS * (SEATS / 3));
    Ok(())
}
