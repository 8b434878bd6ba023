/// The invocations and returns of the operations that returned, in their order, without those of the
/// operations that have been taken out.
///
/// A list in two directions: an operation that was taken out knows its neighbours, and is put back
/// at once as long as the last out is the first back.
#[derive(Debug)]
pub(super) struct Entries {
    entries: Vec<Entry>,
    next: Vec<usize>,
    previous: Vec<usize>,
    /// Where the invocation and the return of each operation stand.
    places: Vec<(usize, usize)>,
}

/// An event of an operation, which is named by its number.
#[derive(Clone, Copy, Debug)]
enum Entry {
    /// Ahead of all.
    Head,
    Invoked(usize),
    Returned(usize),
}

const HEAD: usize = 0;

impl Entries {
    /// Of operations, each with the indices of its invocation and of its return.
    pub(super) fn new(intervals: impl ExactSizeIterator<Item = (u64, u64)>) -> Self {
        let mut places = vec![(HEAD, HEAD); intervals.len()];
        let mut ordered: Vec<_> = intervals
            .enumerate()
            .flat_map(|(operation, (invoked, returned))| {
                [(invoked, Entry::Invoked(operation)), (returned, Entry::Returned(operation))]
            })
            .collect();
        ordered.sort_unstable_by_key(|(index, _)| *index);

        let ordered = ordered.into_iter().map(|(_, entry)| entry);
        let entries: Vec<_> = std::iter::once(Entry::Head).chain(ordered).collect();
        for (place, entry) in entries.iter().enumerate() {
            match *entry {
                Entry::Head => {}
                Entry::Invoked(operation) => places[operation].0 = place,
                Entry::Returned(operation) => places[operation].1 = place,
            }
        }
        let len = entries.len();
        let next = (1..=len).map(|place| place % len).collect();
        let previous = (0..len).map(|place| (place + len - 1) % len).collect();
        Self { entries, next, previous, places }
    }

    pub(super) fn first(&self) -> usize {
        self.next[HEAD]
    }

    /// What follows an operation that is, or just was, in the list.
    pub(super) fn after_invocation(&self, operation: usize) -> usize {
        self.next[self.places[operation].0]
    }

    /// The operations that are invoked from there on, up to the first return of those that are left.
    pub(super) fn invoked_from(&self, place: usize) -> impl Iterator<Item = usize> {
        let (mut place, entries) = (place, &self.entries);
        std::iter::from_fn(move || match entries[place] {
            Entry::Invoked(operation) => {
                place = self.next[place];
                Some(operation)
            }
            Entry::Head | Entry::Returned(_) => None,
        })
    }

    /// The first operation to return, of those that are left.
    pub(super) fn first_to_return(&self) -> Option<usize> {
        let mut place = self.first();
        loop {
            match self.entries[place] {
                Entry::Head => return None,
                Entry::Invoked(_) => place = self.next[place],
                Entry::Returned(operation) => return Some(operation),
            }
        }
    }

    pub(super) fn take_out(&mut self, operation: usize) {
        let (invoked, returned) = self.places[operation];
        self.unlink(invoked);
        self.unlink(returned);
    }

    /// Puts the operation back that was taken out last.
    pub(super) fn put_back(&mut self, operation: usize) {
        let (invoked, returned) = self.places[operation];
        self.link(returned);
        self.link(invoked);
    }

    fn unlink(&mut self, place: usize) {
        let (previous, next) = (self.previous[place], self.next[place]);
        self.next[previous] = next;
        self.previous[next] = previous;
    }

    fn link(&mut self, place: usize) {
        let (previous, next) = (self.previous[place], self.next[place]);
        self.next[previous] = place;
        self.previous[next] = place;
    }
}
