use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use tonic::Status;

use super::intercept::Chain;
use super::service::{Handler, Methods, Service};
use super::session::SessionHandler;

/// The handlers by the names of their methods.
#[derive(Clone, Default)]
pub(crate) struct Registry {
    handlers: Handlers,
    /// By the paths of plain gRPC. It is never iterated where the order could be seen.
    sessions: HashMap<String, SessionHandler>,
    /// A method that two services claim.
    claimed_twice: Option<&'static str>,
}

/// Where a registry has a handler.
#[derive(Clone, Copy, Debug)]
pub(super) struct HandlerId(pub(super) usize);

impl Registry {
    /// Adds the methods of a service.
    pub(crate) fn add(&mut self, service: impl Service) {
        service.register(&mut Methods(self));
    }

    pub(super) fn add_handler(&mut self, handler: Handler) {
        let name = handler.name;
        if self.handlers.insert(handler) {
            self.claimed_twice = Some(name);
        }
    }

    pub(super) fn add_session(&mut self, session: SessionHandler) {
        let method = session.method;
        if self.sessions.insert(method.path(), session).is_some() {
            self.claimed_twice = Some(method.name);
        }
    }

    /// Puts interceptors around all methods that are there.
    pub(super) fn intercept(&mut self, chain: &Chain) {
        self.handlers.0.iter_mut().for_each(|handler| chain.around_handler(handler));
        self.sessions.values_mut().for_each(|session| session.chain = chain.around(&session.chain));
    }

    /// Takes over the methods of another.
    pub(super) fn append(&mut self, other: Self) {
        for handler in other.handlers.0 {
            let name = handler.name;
            if self.handlers.insert(handler) {
                self.claim_again(name);
            }
        }
        for (path, session) in other.sessions {
            let name = session.method.name;
            if self.sessions.insert(path, session).is_some() {
                self.claim_again(name);
            }
        }
        other.claimed_twice.into_iter().for_each(|name| self.claim_again(name));
    }

    /// Of several such methods the first in the alphabet is named.
    fn claim_again(&mut self, name: &'static str) {
        self.claimed_twice = self.claimed_twice.into_iter().chain([name]).min();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.handlers.0.is_empty() && self.sessions.is_empty()
    }

    pub(crate) const fn claimed_twice(&self) -> Option<&'static str> {
        self.claimed_twice
    }

    /// Whether a method of the service with this name is there.
    pub(super) fn has_service(&self, name: &str) -> bool {
        let is_of = |method: &str| {
            method
                .strip_prefix(name)
                .and_then(|rest| rest.strip_prefix('.'))
                .is_some_and(|rest| !rest.contains('.'))
        };
        let path = format!("/{name}/");
        self.handlers.0.iter().any(|handler| is_of(handler.name))
            || self.sessions.keys().any(|session| session.starts_with(&path))
    }

    /// What begins a session on this path, if its method is one.
    pub(super) fn session(&self, path: &str) -> Option<&SessionHandler> {
        self.sessions.get(path)
    }

    /// The name of a method, as its service spells it where it is there.
    pub(super) fn name(&self, name: &[u8]) -> Cow<'static, str> {
        match self.find(name) {
            Some(handler) => Cow::Borrowed(self.handler(handler).name),
            None => Cow::Owned(String::from_utf8_lossy(name).into_owned()),
        }
    }

    /// Where the handler of the method with this name is.
    pub(super) fn find(&self, name: &[u8]) -> Option<HandlerId> {
        self.handlers.position(name).ok().map(HandlerId)
    }

    /// The handler that was found here.
    pub(super) fn handler(&self, HandlerId(at): HandlerId) -> &Handler {
        &self.handlers.0[at]
    }
}

/// What the caller of a method is told that is not there.
pub(super) fn no_method(name: &[u8]) -> Status {
    let name = String::from_utf8_lossy(name);
    Status::unimplemented(format!("there is no method `{name}` here"))
}

/// Sorted by the lengths of their names, and those of one length by their names: so nearly all
/// comparisons are of two numbers, and one is of two names. To hash a name costs three times as much.
#[derive(Clone, Default)]
struct Handlers(Vec<Handler>);

impl Handlers {
    /// Whether another one had the name, which then is gone.
    fn insert(&mut self, handler: Handler) -> bool {
        match self.position(handler.name.as_bytes()) {
            Ok(at) => {
                self.0[at] = handler;
                true
            }
            Err(at) => {
                self.0.insert(at, handler);
                false
            }
        }
    }

    /// Where the handler with this name is, or would be.
    fn position(&self, name: &[u8]) -> Result<usize, usize> {
        self.0.binary_search_by(|handler| {
            let there = handler.name.as_bytes();
            there.len().cmp(&name.len()).then_with(|| there.cmp(name))
        })
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<_> = self.handlers.0.iter().map(|handler| handler.name).collect();
        names.sort_unstable();
        f.debug_set().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_found_by_its_name_and_no_other() {
        let names = ["a.B.C", "b.B.C", "a.B.Cc", "a.B", "a.B.D", "", "c.B.C"];
        let mut registry = Registry::default();
        for name in names {
            registry.add_handler(Handler::idle(name));
        }
        for name in names {
            let found = registry.find(name.as_bytes()).unwrap();
            assert_eq!(registry.handler(found).name, name);
        }
        for name in ["a.B.", "a.B.E", "a.B.Ccc", "C", "d.B.C", "\0"] {
            assert!(registry.find(name.as_bytes()).is_none(), "{name}");
        }
        assert_eq!(registry.claimed_twice(), None);
        registry.add_handler(Handler::idle("a.B.D"));
        assert_eq!(registry.claimed_twice(), Some("a.B.D"));
        assert_eq!(registry.handlers.0.len(), names.len());
    }
}
