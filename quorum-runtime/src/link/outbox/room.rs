//! Room in the queue, and the wait for it.

use std::pin::pin;
use std::sync::MutexGuard;

use super::{Outbox, State};

impl Outbox {
    /// Waits until one more request would find room, or until the outbox is closed.
    pub(crate) async fn room(&self) {
        let mut room = pin!(self.room.notified());
        loop {
            // Before the look at the queue, so that no change after it is missed.
            room.as_mut().enable();
            if !self.is_full_and_awaited() {
                return;
            }
            room.as_mut().await;
            room.set(self.room.notified());
        }
    }

    /// Whether one more request would find room, or there is nothing to wait for.
    pub(crate) fn has_room(&self) -> bool {
        self.lock().has_room(self.limits)
    }

    /// Whether there is no room, which somebody waits for in that case.
    fn is_full_and_awaited(&self) -> bool {
        let mut state = self.lock();
        let is_full = !state.has_room(self.limits);
        state.room_is_awaited |= is_full;
        is_full
    }

    /// Releases the lock after something has left, and tells who waits for room.
    #[inline]
    pub(super) fn release(&self, mut state: MutexGuard<'_, State>) {
        let tell = state.room_is_awaited && state.has_room(self.limits);
        if tell {
            state.room_is_awaited = false;
        }
        drop(state);
        if tell {
            self.room.notify_waiters();
        }
    }
}
