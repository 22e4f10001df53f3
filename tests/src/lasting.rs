//! Tells what redlet does differently from what the server's clock did meanwhile.

/// How often in a row a difference must be there.
const ROUNDS: usize = 4;

/// What `compare` finds each of four times; what it found last.
///
/// The server's clock goes on between two commands, on a busy machine by more than the shortest deadlines of the cases; redlet's
/// stands still, and what redlet does wrong is wrong each time. Random commands have no such deadlines and do not need it.
pub fn lasting<T>(mut compare: impl FnMut() -> Option<T>) -> Option<T> {
    (1..ROUNDS).try_for_each(|_| compare().map(drop))?;
    compare()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_found_only_now_and_then_is_none() {
        let mut found = [Some(1), Some(2), None, Some(4)].into_iter();
        assert_eq!(lasting(|| found.next().flatten()), None);
        assert_eq!(found.next(), Some(Some(4)), "nothing is compared once it is gone");
    }

    #[test]
    fn what_is_found_each_time_is_told_as_it_was_last() {
        let mut found = 1..;
        assert_eq!(lasting(|| found.next()), Some(4));
        assert_eq!(lasting(|| None::<()>), None);
    }
}
