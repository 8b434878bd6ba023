use std::panic;
use std::sync::{Mutex, Once, PoisonError};

static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());
static INSTALL: Once = Once::new();

/// Panics of the project's own code and of its dependencies, noted wherever they are caught. What
/// tests and their handlers do on purpose does not count.
#[derive(Debug)]
pub struct Panics {
    before: usize,
}

impl Panics {
    /// Notes panics from now on.
    #[must_use]
    pub fn watch() -> Self {
        INSTALL.call_once(|| {
            let usual = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                if info.location().is_some_and(|at| !at.file().starts_with("tests/")) {
                    seen().push(info.to_string());
                }
                usual(info);
            }));
        });
        Self { before: seen().len() }
    }

    /// The panics so far.
    #[must_use]
    pub fn so_far(&self) -> Vec<String> {
        seen()[self.before..].to_vec()
    }
}

fn seen() -> std::sync::MutexGuard<'static, Vec<String>> {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner)
}
