use super::{Chain, ServerInterceptor};
use crate::server::registry::Registry;
use crate::server::service::{Methods, Service};

/// A service inside of an interceptor, where others of the same server are to be outside of it, or
/// where a client serves those that call it back.
///
/// ```
/// use std::time::Duration;
/// use quorum_runtime::{
///     IncomingRequest, Intercepted, Manager, Next, OutgoingReply, Server, ServerInterceptor, Status,
/// };
///
/// /// For a test of what a program does when its nodes are slow.
/// struct Slow;
///
/// impl ServerInterceptor for Slow {
///     async fn handle(
///         &self,
///         request: IncomingRequest,
///         next: Next<'_>,
///     ) -> Result<OutgoingReply, Status> {
///         tokio::time::sleep(Duration::from_millis(20)).await;
///         next.run(request).await
///     }
/// }
///
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/doc/support.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let register = Intercepted::new(RegisterServer::new(Replica::new()), Slow);
/// let address = serving(Server::builder().service(register)).await;
/// let manager = Manager::builder().nodes([address]).build()?;
/// manager.node(1)?.read(()).await?;
/// assert!(manager.node(1)?.latency() >= Some(Duration::from_millis(20)));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Intercepted<S> {
    service: S,
    chain: Chain,
}

impl<S: Service> Intercepted<S> {
    /// Puts an interceptor around a service.
    pub fn new(service: S, interceptor: impl ServerInterceptor) -> Self {
        let mut chain = Chain::default();
        chain.add(interceptor);
        Self { service, chain }
    }
}

impl<S: Service> Service for Intercepted<S> {
    fn register(self, methods: &mut Methods<'_>) {
        let mut own = Registry::default();
        own.add(self.service);
        own.intercept(&self.chain);
        methods.0.append(own);
    }
}
