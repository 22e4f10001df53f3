//! Makes a failing sequence short: removes ever smaller pieces for as long as it still fails.

/// The shortest sequence found that still fails. `fails` must be true of all of `items`.
///
/// Delta debugging (A. Zeller, R. Hildebrandt, "Simplifying and isolating failure-inducing input", 2002) without its
/// test of subsets: O(n^2) trials at worst, O(log n) when one item is at fault.
pub fn minimise<T: Clone>(items: &[T], mut fails: impl FnMut(&[T]) -> bool) -> Vec<T> {
    let mut left = items.to_vec();
    let mut piece = left.len().div_ceil(2);
    while piece > 0 {
        let mut start = 0;
        let mut shorter = false;
        while start < left.len() {
            let end = (start + piece).min(left.len());
            let without = [&left[..start], &left[end..]].concat();
            if fails(&without) {
                left = without;
                shorter = true;
            } else {
                start = end;
            }
        }
        // A single item may become superfluous once a later one is gone.
        if piece > 1 {
            piece /= 2;
        } else if !shorter {
            piece = 0;
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_makes_it_fail_is_left() {
        let items: Vec<u32> = (0..1000).collect();
        let fails = |left: &[u32]| left.contains(&17) && left.contains(&640);
        assert_eq!(minimise(&items, fails), [17, 640]);
    }
}
