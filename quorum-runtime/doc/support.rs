// What the examples in the documentation share; a hidden line of each includes it. No `use`, because
// an example shows its own.

include!("register.rs");

struct Replica(tokio::sync::watch::Sender<State>);

impl Replica {
    fn new() -> Self {
        Self(tokio::sync::watch::Sender::default())
    }

    fn held(&self) -> State {
        self.0.borrow().clone()
    }

    fn keep(&self, state: State) {
        self.0.send_if_modified(|held| {
            let is_newer = state.version > held.version;
            if is_newer {
                *held = state;
            }
            is_newer
        });
    }
}

impl Register for Replica {
    async fn read(&self, _: quorum_runtime::Call, (): ()) -> Answer<State> {
        Ok(self.held())
    }

    async fn write(&self, _: quorum_runtime::Call, state: State) -> Answer<()> {
        self.keep(state);
        Ok(())
    }

    async fn deal(&self, _: quorum_runtime::Call, state: State) -> Answer<()> {
        self.keep(state);
        Ok(())
    }

    async fn newest(&self, _: quorum_runtime::Call, (): ()) -> Answer<State> {
        Ok(self.held())
    }

    async fn watch(
        &self,
        call: quorum_runtime::Call,
        (): (),
        replies: quorum_runtime::Replier<State>,
    ) -> Answer<()> {
        call.release();
        let mut states = self.0.subscribe();
        loop {
            let state = states.borrow_and_update().clone();
            replies.send(state).await?;
            if states.changed().await.is_err() {
                return Ok(());
            }
        }
    }

    async fn spread(&self, _: quorum_runtime::Call, state: State) {
        self.keep(state);
    }

    async fn repair(&self, _: quorum_runtime::Call, state: State) {
        self.keep(state);
    }

    async fn swap(&self, _: quorum_runtime::Call, state: State) -> Answer<State> {
        Ok(self.0.send_replace(state))
    }

    async fn exchange(
        &self,
        _: quorum_runtime::Call,
        mut states: quorum_runtime::Requests<State>,
        replies: quorum_runtime::Replier<State>,
    ) -> Answer<()> {
        while let Some(state) = states.next().await.transpose()? {
            self.keep(state);
            replies.send(self.held()).await?;
        }
        Ok(())
    }
}

type Answer<R> = Result<R, quorum_runtime::Status>;

/// Starts a server on a free port of the loopback interface. Gives its address.
async fn serving(server: quorum_runtime::Server) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("the address of a bound port").to_string();
    tokio::spawn(server.serve_with_listener(listener, std::future::pending()));
    address
}

/// Starts this many servers, each with a register of its own. Gives their addresses.
async fn servers(count: usize) -> Vec<String> {
    let mut addresses = Vec::new();
    for _ in 0..count {
        let server = quorum_runtime::Server::builder().service(RegisterServer::new(Replica::new()));
        addresses.push(serving(server).await);
    }
    addresses
}

/// The address of a server that does not run: nothing listens there.
fn nobody() -> &'static str {
    "127.0.0.1:1"
}

/// The address of a server that hangs: connections are accepted, and nothing is ever answered.
async fn hung() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("the address of a bound port").to_string();
    tokio::spawn(async move {
        let mut connections = Vec::new();
        while let Ok(connection) = listener.accept().await {
            connections.push(connection);
        }
    });
    address
}
