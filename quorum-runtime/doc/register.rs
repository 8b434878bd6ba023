/// What a register holds, and how new that is.
#[derive(Clone, PartialEq, prost::Message)]
pub struct State {
    #[prost(uint64, tag = "1")]
    pub version: u64,
    #[prost(string, tag = "2")]
    pub text: String,
}

impl State {
    pub fn new(version: u64, text: &str) -> Self {
        Self { version, text: text.to_owned() }
    }
}

/// Each server has one register. It keeps the newest state that it was told.
#[quorum_macros::service(package = "example")]
pub trait Register {
    /// What the nodes hold.
    #[call(quorumcall, idempotency_level = NO_SIDE_EFFECTS)]
    async fn read(&self, request: ()) -> State;

    /// Tells the nodes a state, and waits until enough have it.
    #[call(quorumcall)]
    async fn write(&self, state: State) -> ();

    /// The same with another state for each node.
    #[call(quorumcall, per_node_arg)]
    async fn deal(&self, state: State) -> ();

    /// What the nodes hold, a better answer as more of them reply.
    #[call(correctable)]
    async fn newest(&self, request: ()) -> State;

    /// What the nodes hold, now and after each change.
    #[call(correctable)]
    fn watch(&self, request: ()) -> impl Stream<Item = State>;

    /// Tells the nodes a state.
    #[call(multicast)]
    async fn spread(&self, state: State);

    /// Tells one node a state.
    #[call(unicast)]
    async fn repair(&self, state: State);

    /// Puts a state on one node, whatever its version; answers with the one that was there.
    async fn swap(&self, state: State) -> State;

    /// Tells one node one state after the other, and hears after each what it holds.
    fn exchange(&self, states: impl Stream<Item = State>) -> impl Stream<Item = State>;
}
