//! Waiting for room in the queue.

use super::*;

/// A wait for room that notes how often it was woken.
struct Waiting<'a> {
    room: std::pin::Pin<Box<dyn Future<Output = ()> + 'a>>,
    woken: Arc<Wakes>,
}

#[derive(Default)]
struct Wakes(std::sync::atomic::AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

impl<'a> Waiting<'a> {
    fn on(outbox: &'a Outbox) -> Self {
        let mut waiting = Self { room: Box::pin(outbox.room()), woken: Arc::default() };
        assert!(!waiting.is_over());
        waiting
    }

    fn is_over(&mut self) -> bool {
        let waker = Arc::clone(&self.woken).into();
        self.room.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
    }

    fn woken(&self) -> usize {
        self.woken.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

#[test]
fn whatever_leaves_wakes_all_who_wait_for_room() {
    let leaves: [fn(&Outbox, Epoch); 6] = [
        |outbox, _| drop(outbox.take(1, false)),
        |outbox, _| outbox.forget(1),
        |outbox, _| outbox.cancel(3, Answer::Once),
        |outbox, _| outbox.detach(&ConnectionError::new("cut")),
        |outbox, _| outbox.fail_queued(&NodeError::Closed),
        |outbox, _| outbox.close(),
    ];
    for leave in leaves {
        let outbox = Outbox::new(LIMITS);
        let epoch = outbox.attach();
        let _held = [1, 2, 3, 4].map(|sequence| push(&outbox, sequence, false));
        let _popped = [(); 2].map(|()| pop(&outbox, epoch));
        let mut waiting = [Waiting::on(&outbox), Waiting::on(&outbox)];
        assert!(!outbox.has_room());
        leave(&outbox, epoch);
        assert!(outbox.has_room());
        for waiting in &mut waiting {
            assert_eq!(waiting.woken(), 1);
            assert!(waiting.is_over());
        }
    }
}

#[test]
fn one_way_messages_leave_room_when_the_connection_takes_them() {
    let outbox = Outbox::new(Limits { requests: 100, bytes: 2 * MESSAGE });
    let epoch = outbox.attach();
    let _held = [1, 2, 3].map(|sequence| push(&outbox, sequence, true));
    let mut waiting = Waiting::on(&outbox);
    assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(1)));
    assert!(waiting.is_over());
}

#[test]
fn who_waits_for_room_is_not_woken_without_it_and_goes_on_when_another_takes_it() {
    let outbox = Outbox::new(LIMITS);
    let epoch = outbox.attach();
    let _held = [1, 2, 3, 4].map(|sequence| push(&outbox, sequence, false));
    let mut waiting = Waiting::on(&outbox);
    assert_eq!(pop(&outbox, epoch), Poll::Ready(Some(1)));
    assert_eq!(waiting.woken(), 0, "the request waits for its reply now");
    outbox.forget(1);
    assert_eq!(waiting.woken(), 1);
    let _held = push(&outbox, 5, false);
    assert!(!waiting.is_over(), "the room was taken");
    outbox.forget(2);
    assert_eq!(waiting.woken(), 1, "there was nothing to forget");
    let _popped = pop(&outbox, epoch);
    outbox.forget(2);
    assert_eq!(waiting.woken(), 2);
    assert!(waiting.is_over());
}
