use crate::link::{Answer, Delivery};

/// A method as generated code names it: its name on the wire, and what its options say.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// `package.Service.Method`.
    pub(crate) name: &'static str,
    pub(crate) delivery: Delivery,
}

impl Method {
    /// A method that is answered once.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        let delivery =
            Delivery { answer: Answer::Once, idempotent: false, latest: false, ordered: true };
        Self { name, delivery }
    }

    /// The path of the method as plain gRPC has it: `/package.Service/Method`.
    pub(crate) fn path(self) -> String {
        let (service, method) = self.name.rsplit_once('.').unwrap_or(("", self.name));
        format!("/{service}/{method}")
    }

    /// Nothing is answered.
    #[must_use]
    pub const fn one_way(mut self) -> Self {
        self.delivery.answer = Answer::Nothing;
        self
    }

    /// A node may reply several times.
    #[must_use]
    pub const fn streams(mut self) -> Self {
        self.delivery.answer = Answer::Stream;
        self
    }

    /// A request whose fate is not known may be sent again.
    #[must_use]
    pub const fn idempotent(mut self) -> Self {
        self.delivery.idempotent = true;
        self
    }

    /// A message takes the place of an older one that was not sent yet.
    #[must_use]
    pub const fn latest(mut self) -> Self {
        self.delivery.latest = true;
        self
    }

    /// Handlers run beside each other from the start.
    #[must_use]
    pub const fn unordered(mut self) -> Self {
        self.delivery.ordered = false;
        self
    }
}
