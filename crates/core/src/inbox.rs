//! A queue in front of one reader: whoever has something for it leaves it here and goes on.
//!
//! Its lock is held for a few instructions and nothing else is locked meanwhile, so things may be left under the locks of shards,
//! which keeps them in the order of the changes that they tell of. Waking the reader runs code of others: a waker is handed
//! out, to be called when no lock is held.
use std::collections::VecDeque;
use std::task::Waker;

use parking_lot::Mutex;

/// What happens when the reader of an [`Inbox`] does not keep up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// Nothing more is taken in: the reader gets what is there and then hears that it was cut off. So Redis treats clients that are
    /// over their `client-output-buffer-limit`.
    #[default]
    Disconnect,
    /// The oldest things are given up, and counted.
    DropOldest,
}

/// How much an [`Inbox`] holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// How many things at most.
    pub items: usize,
    /// How many bytes at most, all of them together. A single thing may be larger if nothing else is there.
    pub bytes: usize,
    /// What happens when there is more.
    pub when_full: WhenFull,
}

impl Default for Capacity {
    /// 32 MiB and then an end, as Redis has it for subscribers.
    fn default() -> Self {
        Self { items: usize::MAX, bytes: 32 << 20, when_full: WhenFull::Disconnect }
    }
}

/// What a reader finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken<T> {
    /// The oldest thing.
    Item(T),
    /// Nothing now.
    Empty,
    /// Nothing now nor ever: the inbox was closed, or cut off because it was full.
    Closed,
}

/// A bounded queue with one reader.
#[derive(Debug)]
pub struct Inbox<T> {
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    queue: VecDeque<(T, usize)>,
    bytes: usize,
    capacity: Capacity,
    dropped: u64,
    is_closed: bool,
    reader: Option<Waker>,
}

impl<T> Inbox<T> {
    /// An empty one.
    pub fn new(capacity: Capacity) -> Self {
        Self {
            state: Mutex::new(State {
                queue: VecDeque::new(),
                bytes: 0,
                capacity,
                dropped: 0,
                is_closed: false,
                reader: None,
            }),
        }
    }

    /// Leaves a thing of so many bytes. Returns who is to be woken, once no lock is held.
    #[must_use = "the reader sleeps until it is woken"]
    pub fn push(&self, item: T, bytes: usize) -> Option<Waker> {
        let mut state = self.state.lock();
        if state.is_closed {
            return None;
        }
        state.queue.push_back((item, bytes));
        state.bytes += bytes;
        while state.is_too_full() {
            match state.capacity.when_full {
                WhenFull::Disconnect => {
                    // What did not fit is not kept; what came before it is still to be read.
                    state.pop_back();
                    state.is_closed = true;
                    break;
                }
                WhenFull::DropOldest => {
                    state.pop_front();
                    state.dropped += 1;
                }
            }
        }
        state.reader.take()
    }

    /// How many bytes wait in it.
    pub fn bytes(&self) -> usize {
        self.state.lock().bytes
    }

    /// Takes the oldest thing.
    pub fn take(&self) -> Taken<T> {
        self.state.lock().take()
    }

    /// The same; if there is nothing now, `reader` is woken when that changes.
    pub fn poll(&self, reader: &Waker) -> Taken<T> {
        let mut state = self.state.lock();
        let taken = state.take();
        if matches!(taken, Taken::Empty) {
            state.reader = Some(reader.clone());
        }
        taken
    }

    /// Takes all there is; false once it is closed, too.
    pub fn drain(&self, mut each: impl FnMut(T)) -> bool {
        let (queue, is_closed) = {
            let mut state = self.state.lock();
            state.bytes = 0;
            (std::mem::take(&mut state.queue), state.is_closed)
        };
        queue.into_iter().for_each(|(item, _)| each(item));
        !is_closed
    }

    /// `reader` is woken as soon as something is there.
    pub fn wake_when_filled(&self, reader: &Waker) {
        let mut state = self.state.lock();
        if state.queue.is_empty() && !state.is_closed {
            state.reader = Some(reader.clone());
        } else {
            drop(state);
            reader.wake_by_ref();
        }
    }

    /// Takes nothing in any more. Returns who is to be woken, once no lock is held.
    #[must_use = "the reader sleeps until it is woken"]
    pub fn close(&self) -> Option<Waker> {
        let mut state = self.state.lock();
        state.is_closed = true;
        state.reader.take()
    }

    /// Who is to be woken, whatever is there.
    pub fn take_reader(&self) -> Option<Waker> {
        self.state.lock().reader.take()
    }

    /// Whether nothing comes in any more.
    pub fn is_closed(&self) -> bool {
        self.state.lock().is_closed
    }

    /// Whether there is nothing to take.
    pub fn is_empty(&self) -> bool {
        self.state.lock().queue.is_empty()
    }

    /// How many things were given up because it was full.
    pub fn dropped(&self) -> u64 {
        self.state.lock().dropped
    }

    /// Changes how much it holds; what is in it stays.
    pub fn set_capacity(&self, capacity: Capacity) {
        self.state.lock().capacity = capacity;
    }
}

impl<T> State<T> {
    fn is_too_full(&self) -> bool {
        self.queue.len() > self.capacity.items.max(1)
            || (self.bytes > self.capacity.bytes && self.queue.len() > 1)
    }

    fn pop_back(&mut self) {
        if let Some((_, bytes)) = self.queue.pop_back() {
            self.bytes -= bytes;
        }
    }

    fn pop_front(&mut self) -> Option<T> {
        let (item, bytes) = self.queue.pop_front()?;
        self.bytes -= bytes;
        Some(item)
    }

    fn take(&mut self) -> Taken<T> {
        match self.pop_front() {
            Some(item) => Taken::Item(item),
            None if self.is_closed => Taken::Closed,
            None => Taken::Empty,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn holding(items: usize, when_full: WhenFull) -> Inbox<u32> {
        Inbox::new(Capacity { items, bytes: usize::MAX, when_full })
    }

    #[test]
    fn things_come_out_in_order() {
        let inbox = holding(10, WhenFull::Disconnect);
        for item in 0..3 {
            assert!(inbox.push(item, 1).is_none(), "nobody waits");
        }
        assert_eq!([inbox.take(), inbox.take(), inbox.take()], [0, 1, 2].map(Taken::Item));
        assert_eq!(inbox.take(), Taken::Empty);
    }

    #[test]
    fn a_reader_that_found_nothing_is_woken_once() {
        let (inbox, count) = (holding(10, WhenFull::Disconnect), Arc::new(Count::default()));
        let reader = Waker::from(Arc::clone(&count));
        assert_eq!(inbox.poll(&reader), Taken::Empty);
        inbox.push(1, 1).unwrap().wake();
        assert!(inbox.push(2, 1).is_none());
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        inbox.wake_when_filled(&reader);
        assert_eq!(count.0.load(Ordering::SeqCst), 2, "something is there already");
    }

    #[test]
    fn a_full_inbox_gives_up_the_oldest_and_counts_them() {
        let inbox = holding(2, WhenFull::DropOldest);
        (0..5).for_each(|item| assert!(inbox.push(item, 1).is_none()));
        assert_eq!(inbox.dropped(), 3);
        assert_eq!(
            [inbox.take(), inbox.take(), inbox.take()],
            [Taken::Item(3), Taken::Item(4), Taken::Empty]
        );
    }

    #[test]
    fn a_full_inbox_cuts_its_reader_off_after_what_came_before() {
        let inbox = holding(2, WhenFull::Disconnect);
        (0..5).for_each(|item| drop(inbox.push(item, 1)));
        assert_eq!(
            [inbox.take(), inbox.take(), inbox.take()],
            [Taken::Item(0), Taken::Item(1), Taken::Closed]
        );
    }

    #[test]
    fn bytes_are_bounded_and_a_single_large_thing_passes() {
        let capacity = Capacity { items: 100, bytes: 10, when_full: WhenFull::DropOldest };
        let inbox = Inbox::new(capacity);
        drop(inbox.push("large", 1000));
        assert_eq!(inbox.take(), Taken::Item("large"));
        ["a", "b", "c"].into_iter().for_each(|item| drop(inbox.push(item, 5)));
        assert_eq!(
            [inbox.take(), inbox.take(), inbox.take()],
            [Taken::Item("b"), Taken::Item("c"), Taken::Empty]
        );
    }
}
