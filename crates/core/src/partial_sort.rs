//! Sorting no more than the part of a slice that somebody asks for, in Redis's steps.
//!
//! The algorithm is that of Bentley and `McIlroy`, "Engineering a Sort Function" (1993), which leaves alone what lies outside of the
//! part. It does not keep equal elements in their order, but always leaves them in the same one, so that it takes the same
//! steps to have Redis's order of them. Where they would be too many, because somebody has chosen the elements for that, a merge
//! sort goes on.
use std::cmp::Ordering;
use std::ops::Range;

/// Up to here elements are inserted one by one.
const FEW: usize = 6;
/// Up to here one element is as good a middle as another.
const SMALL: usize = 7;
/// From here on the middle is looked for among nine elements rather than three.
const LARGE: usize = 41;

/// Sorts so that the elements of `part` are those that would be there if all were sorted.
pub(crate) fn sort_part<T>(items: &mut [T], part: Range<usize>, compare: &impl Fn(&T, &T) -> Ordering) {
    let divisions = 4 * items.len().checked_ilog2().unwrap_or(0);
    sort_within(items, part, divisions, compare);
}

fn sort_within<T>(
    mut items: &mut [T],
    mut part: Range<usize>,
    mut divisions: u32,
    compare: &impl Fn(&T, &T) -> Ordering,
) {
    loop {
        let length = items.len();
        if length <= FEW {
            return insert_each(items, compare);
        }
        if divisions == 0 {
            return items.sort_by(compare);
        }
        divisions -= 1;
        let (less, greater) = divide(items, compare);
        let right = length - greater;
        if less > 1 && part.start < less && part.end > 0 {
            sort_within(&mut items[..less], part.start..part.end.min(less), divisions, compare);
        }
        if greater <= 1 || part.end <= right {
            return;
        }
        items = &mut items[right..];
        part = part.start.saturating_sub(right)..part.end - right;
    }
}

fn insert_each<T>(items: &mut [T], compare: &impl Fn(&T, &T) -> Ordering) {
    for end in 1..items.len() {
        let is_before = |at: usize, items: &[T]| compare(&items[at - 1], &items[at]).is_gt();
        let mut at = end;
        while at > 0 && is_before(at, items) {
            items.swap(at - 1, at);
            at -= 1;
        }
    }
}

/// Moves what is less than a middle element to the front and what is greater to the end; returns how many those are.
fn divide<T>(items: &mut [T], compare: &impl Fn(&T, &T) -> Ordering) -> (usize, usize) {
    let length = items.len();
    items.swap(0, middle(items, compare));
    // From both ends inwards: equal to the middle element, less than it, not looked at yet, greater, equal.
    let (mut equal_left, mut left) = (1, 1);
    let (mut equal_right, mut right) = (length - 1, length - 1);
    loop {
        while left <= right {
            match compare(&items[left], &items[0]) {
                Ordering::Greater => break,
                Ordering::Equal => {
                    items.swap(equal_left, left);
                    equal_left += 1;
                }
                Ordering::Less => {}
            }
            left += 1;
        }
        while left <= right {
            match compare(&items[right], &items[0]) {
                Ordering::Less => break,
                Ordering::Equal => {
                    items.swap(right, equal_right);
                    equal_right -= 1;
                }
                Ordering::Greater => {}
            }
            right -= 1;
        }
        if left > right {
            break;
        }
        items.swap(left, right);
        left += 1;
        right -= 1;
    }
    let (less, greater) = (left - equal_left, equal_right - right);
    exchange(items, 0, left, equal_left.min(less));
    exchange(items, left, length, greater.min(length - 1 - equal_right));
    (less, greater)
}

/// Exchanges `count` elements from `start` on with as many before `end`.
fn exchange<T>(items: &mut [T], start: usize, end: usize, count: usize) {
    let (before, after) = items[..end].split_at_mut(end - count);
    before[start..start + count].swap_with_slice(after);
}

/// The place of an element that should have about as many before it as after it.
fn middle<T>(items: &[T], compare: &impl Fn(&T, &T) -> Ordering) -> usize {
    let length = items.len();
    let (mut first, mut middle, mut last) = (0, length / 2, length - 1);
    if length <= SMALL {
        return middle;
    }
    let of_three = |a: usize, b: usize, c: usize| {
        let is_less = |a: usize, b: usize| compare(&items[a], &items[b]).is_lt();
        if is_less(a, b) {
            if is_less(b, c) {
                b
            } else if is_less(a, c) {
                c
            } else {
                a
            }
        } else if is_less(c, b) {
            b
        } else if is_less(a, c) {
            a
        } else {
            c
        }
    };
    if length >= LARGE {
        let eighth = length / 8;
        first = of_three(first, first + eighth, first + 2 * eighth);
        middle = of_three(middle - eighth, middle, middle + eighth);
        last = of_three(last - 2 * eighth, last - eighth, last);
    }
    of_three(first, middle, last)
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;
    use crate::Random;

    #[test]
    fn a_part_is_what_a_whole_sort_would_have_there() {
        let random = Random::from_seed(5);
        for round in 0..2000 {
            let length = round % 97;
            let values: Vec<u64> = (0..length).map(|_| random.next_u64() % 30).collect();
            let mut whole = values.clone();
            whole.sort_unstable();
            let start = if length == 0 { 0 } else { random.next_u64() as usize % length };
            let end = start + random.next_u64() as usize % (length - start + 1);
            let mut part = values;
            sort_part(&mut part, start..end, &u64::cmp);
            assert_eq!(part[start..end], whole[start..end]);
            part.sort_unstable();
            assert_eq!(part, whole, "nothing is lost");
        }
    }

    /// `McIlroy`, "A Killer Adversary for Quicksort": whoever answers the comparisons decides as late as possible what is greater.
    #[test]
    fn no_choice_of_elements_makes_it_slow() {
        const LENGTH: usize = 20_000;
        let unknown = LENGTH;
        let (values, solid) = (RefCell::new(vec![unknown; LENGTH]), Cell::new(0));
        let (candidate, comparisons) = (Cell::new(0), Cell::new(0_usize));
        let compare = |a: &usize, b: &usize| {
            comparisons.set(comparisons.get() + 1);
            let mut values = values.borrow_mut();
            if values[*a] == unknown && values[*b] == unknown {
                let settled = if *a == candidate.get() { *a } else { *b };
                values[settled] = solid.replace(solid.get() + 1);
            }
            if values[*a] == unknown {
                candidate.set(*a);
            } else if values[*b] == unknown {
                candidate.set(*b);
            }
            values[*a].cmp(&values[*b])
        };
        let mut items: Vec<usize> = (0..LENGTH).collect();
        sort_part(&mut items, 0..LENGTH, &compare);
        assert!(comparisons.get() < 200 * LENGTH, "{} comparisons", comparisons.get());
    }
}
