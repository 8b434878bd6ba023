//! Quorum calls from a plain Rust trait, for programs that want no `.proto`.
//!
//! The messages derive `prost::Message`, the trait lists the calls, and [`service`] makes of it what
//! `quorum-codegen` makes of a service in a `.proto`: the same model, the same checks, the same code.

mod attributes;
mod lower;
mod sim_test;

use proc_macro::TokenStream;

/// Makes a service of a trait.
///
/// Each method of the trait is one call. `#[call(…)]` says how it is called; without it, it is an rpc
/// to one node. What stands in the parentheses are the options of `quorum.proto`:
///
/// | in the trait | what it is |
/// |---|---|
/// | `async fn ask(&self, request: Q) -> R;` | an rpc |
/// | `#[call(unicast)] async fn tell(&self, request: Q);` | a one-way message to one node |
/// | `#[call(multicast)] async fn spread(&self, request: Q);` | a one-way message to all nodes |
/// | `#[call(quorumcall)] async fn read(&self, request: Q) -> R;` | a quorum call |
/// | `#[call(correctable)] async fn improve(&self, request: Q) -> R;` | a result that improves |
/// | `#[call(correctable)] fn watch(&self, request: Q) -> impl Stream<Item = R>;` | the same, each node may reply several times |
/// | `fn talk(&self, requests: impl Stream<Item = Q>) -> impl Stream<Item = R>;` | an ordered session |
///
/// Further options: `per_node_arg`, `custom_return_type = Type`, `ordered = false`, `queue = LATEST`,
/// `idempotency_level = IDEMPOTENT` or `NO_SIDE_EFFECTS`.
///
/// The trait that servers implement has the same name. Its handlers get a `Call` besides the request,
/// and those with a reply return `Result<Reply, Status>`. `#[service(package = "a.b")]` puts the service
/// into a package on the wire, and `#[service(runtime = "::other::path")]` says where the runtime is, if
/// not at `::quorum_runtime`.
///
/// # Examples
///
/// ```
/// use quorum_runtime::{Call, Majority, Manager, Server, Status};
///
/// #[derive(Clone, PartialEq, prost::Message)]
/// pub struct Key {
///     #[prost(string, tag = "1")]
///     pub name: String,
/// }
///
/// #[derive(Clone, PartialEq, prost::Message)]
/// pub struct Value {
///     #[prost(string, tag = "1")]
///     pub text: String,
/// }
///
/// /// A store that answers.
/// #[quorum_macros::service(package = "example")]
/// pub trait Storage {
///     /// The value of a key.
///     #[call(quorumcall)]
///     async fn read(&self, key: Key) -> Value;
/// }
///
/// struct Constant;
///
/// impl Storage for Constant {
///     async fn read(&self, _call: Call, key: Key) -> Result<Value, Status> {
///         Ok(Value { text: format!("{} is what it is", key.name) })
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// let address = listener.local_addr()?.to_string();
/// let server = Server::builder().service(StorageServer::new(Constant));
/// tokio::spawn(server.serve_with_listener(listener, std::future::pending()));
///
/// let storage = Manager::builder().nodes([address]).build()?.storage(Majority)?;
/// let value = storage.read(Key { name: "it".to_owned() }).await?;
/// assert_eq!(value.text, "it is what it is");
/// # Ok(())
/// # }
/// ```
#[proc_macro_attribute]
pub fn service(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let expanded = lower::service(arguments.into(), item.into());
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes a test of a function that runs a simulation, and runs it with many seeds.
///
/// The function takes `&mut Simulation`, which has the seed, and returns nothing or a `Result`. Each
/// seed is a run of its own; they run on all cores. `#[sim_test(seeds = 200)]` says how many there are
/// (default: 100), and `#[sim_test(runtime = "::other::path")]` where the runtime is, if not at
/// `::quorum_runtime`, which needs its feature `sim`.
///
/// When a seed fails, by an error or a panic, the test says what went wrong, the command that runs this
/// seed again, and where a drawing of the run is. Variables of the environment change what is run:
///
/// | variable | what it does |
/// |---|---|
/// | `QUORUM_SEED=17` | runs this seed alone |
/// | `QUORUM_SEEDS=10000` | runs so many seeds, whatever the attribute says |
/// | `QUORUM_DRAWINGS=folder` | puts drawings there; else they are in `quorum-sim` in cargo's target folder |
///
/// # Examples
///
/// ```
/// use quorum_runtime::sim::{Result, Simulation};
///
/// #[quorum_macros::sim_test(seeds = 20)]
/// fn clients_end(sim: &mut Simulation) -> Result {
///     let clients = sim.draw(1..=3);
///     sim.clients(clients, |host| async move {
///         host.healed().await;
///         Ok(())
///     });
///     sim.run()?;
///     Ok(())
/// }
/// # fn main() {}
/// ```
#[proc_macro_attribute]
pub fn sim_test(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let expanded = sim_test::expand(arguments.into(), item.into());
    expanded.unwrap_or_else(syn::Error::into_compile_error).into()
}
