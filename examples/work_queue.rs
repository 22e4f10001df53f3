//! A queue of jobs for several workers: a job is moved to its worker's own list while it is done, so that the job of a worker
//! that died is found there and goes back.
use std::error::Error;

use redlet::{Commands, End, Redis};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("jobs.redlet");
    let redis = Redis::open(&path)?;
    redis.rpush("jobs", (1..=200).map(|job| format!("job {job}")))?;

    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..3)
            .map(|worker| {
                let redis = redis.clone();
                scope.spawn(move || work(&redis, worker))
            })
            .collect();
        workers.into_iter().try_for_each(|worker| {
            worker.join().map_err(|_| "a worker panicked")?.map_err(|_| "a worker failed")
        })
    })?;
    println!("done {}, left in the queue {}", redis.scard("done")?, redis.llen("jobs")?);

    // Worker 1 took a job and never finished it.
    redis.close()?;
    let redis = Redis::open(&path)?;
    for worker in 0..3 {
        let own = format!("working:{worker}");
        while let Some(job) = redis.lmove(&own, "jobs", End::Left, End::Right)? {
            println!("worker {worker} had left {:?}: back to the queue", String::from_utf8_lossy(&job));
        }
    }
    work(&redis, 0)?;
    println!("done {} of 200", redis.scard("done")?);
    Ok(())
}

fn work(redis: &Redis, worker: usize) -> redlet::Result<()> {
    let own = format!("working:{worker}");
    let mut finished = 0;
    while let Some(job) = redis.lmove("jobs", &own, End::Left, End::Right)? {
        if worker == 1 && finished == 20 {
            return Ok(());
        }
        // The job is done and off the list in one unit: it is never done and kept, or lost and not done.
        redis.transaction::<_, _, redlet::Error>(&[own.as_str(), "done"], |t| {
            t.sadd("done", [&job])?;
            t.lrem(&own, 1, &job)
        })?;
        finished += 1;
    }
    println!("worker {worker} finished {finished} jobs");
    Ok(())
}
