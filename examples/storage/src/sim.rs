//! The store under simulated faults: whether what its clients see is that of one map.

use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use example_support::identity::Identity;
use example_support::membership::{Caller, Terms};
use quorum_runtime::history::key_value::Input;
use quorum_runtime::history::register::Output;
use quorum_runtime::history::{History, KeyValue};
use quorum_runtime::sim::{Host, Result, Simulation, Study};
use quorum_runtime::{Manager, Server, sim};
use tokio::time::sleep;

use crate::client::{Client, Register};
use crate::cluster::CLUSTER;
use crate::liar::{Liar, Lie};
use crate::mutant::{Mutant, Mutation};
use crate::node::{Node, PROTOCOL};
use crate::signature::Authority;
use crate::storage::StorageServer;

/// What clients may ask, and what they are to be answered.
type Map = KeyValue<String, String>;

/// How many operations the clients of one run do together.
const OPERATIONS: u32 = 200;

/// After how many operations a writer who is alone begins anew, and knows nothing of what he wrote.
const LIFE: u32 = 20;

/// How long a client waits for an operation.
const TIMEOUT: Duration = Duration::from_millis(500);

/// After how long a peer that says nothing is asked whether it is there, and how long it may take to
/// say so.
const KEEP_ALIVE: Duration = Duration::from_millis(250);

/// Arguments of the subcommand.
#[derive(Debug, clap::Args)]
pub(crate) struct Sim {
    /// Which of the registers.
    #[arg(long, value_enum, default_value_t = Mode::Atomic)]
    mode: Mode,

    #[command(flatten)]
    command: sim::Command,
}

/// Which register is simulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Anybody writes any key.
    Atomic,
    /// Each key has one writer, who needs no read phase.
    SingleWriter,
    /// Each key has one writer, who signs; and a third of the servers, less one, lie.
    Byzantine,
}

impl Sim {
    pub(crate) fn run(&self) -> ExitCode {
        self.command.run(&self.mode.study())
    }
}

impl Mode {
    fn study(self) -> Study<Map> {
        let model = KeyValue::new;
        let mutants = self.mutants().into_iter().filter_map(|mutant| mutant.to_possible_value());
        let mutants = mutants.map(|mutant| {
            let help = mutant.get_help().map(ToString::to_string).unwrap_or_default();
            (mutant.get_name().to_owned(), help)
        });
        let mutants = mutants.collect();
        match self {
            Self::Atomic => {
                let program = "cargo run --release -p storage -- sim";
                let test = |sim: &mut _, seen: &_, mutant: Option<&str>| {
                    Self::Atomic.test(sim, seen, mutant)
                };
                Study { program, model, mutants, test }
            }
            Self::SingleWriter => {
                let program = "cargo run --release -p storage -- sim --mode single-writer";
                let test = |sim: &mut _, seen: &_, mutant: Option<&str>| {
                    Self::SingleWriter.test(sim, seen, mutant)
                };
                Study { program, model, mutants, test }
            }
            Self::Byzantine => {
                let program = "cargo run --release -p storage -- sim --mode byzantine";
                let test = |sim: &mut _, seen: &_, mutant: Option<&str>| {
                    Self::Byzantine.test(sim, seen, mutant)
                };
                Study { program, model, mutants, test }
            }
        }
    }

    /// The mistakes that can be made here.
    fn mutants(self) -> Vec<Mutant> {
        use Mutant::{
            AckOnError, AcknowledgeBeforeStoring, ForgetVersionAfterRestart, MajorityOfLiars,
            ReplyForAnotherCall, SignNoKey, VerifyNothing,
        };
        // Some are none here, and some happen too seldom in 500 seeds, where few write.
        let others: &[_] = match self {
            Self::Atomic => &[VerifyNothing, SignNoKey, MajorityOfLiars],
            Self::SingleWriter => &[VerifyNothing, SignNoKey, MajorityOfLiars, AckOnError],
            Self::Byzantine => &[
                AckOnError,
                AcknowledgeBeforeStoring,
                ForgetVersionAfterRestart,
                ReplyForAnotherCall,
            ],
        };
        let all = Mutant::value_variants().iter().copied();
        all.filter(|mutant| !others.contains(mutant)).collect()
    }

    /// A run of the whole store, drawn from the seed.
    fn test(self, sim: &mut Simulation, history: &History<Map>, mutant: Option<&str>) -> Result {
        let mutant = mutant.map(|name| Mutant::from_str(name, false)).transpose()?;
        let mutation = mutant.map_or_else(Mutation::default, Mutation::from);
        // With 4 or 6 nodes, of which one lies, a quorum is a majority; so most have 5.
        let nodes = match self {
            Self::Byzantine => [4, 5, 5, 5, 7][sim.draw(0..=4) as usize],
            Self::Atomic | Self::SingleWriter => sim.draw(3..=7),
        };
        let clients = sim.draw(2..=6);
        let keys = sim.draw(1..=3.min(clients));
        let faults = if self == Self::Byzantine { (nodes - 1) / 3 } else { 0 };
        // Old values are what a quorum that is too small does not bear; so most lies are such.
        let lie = |draw: u32| Lie::ALL.get(draw as usize).copied().unwrap_or(Lie::Replay);
        let lies = (0..faults).map(|_| lie(sim.draw(0..=6))).collect::<Vec<_>>();
        let register = self.register()?;
        let history = history.clone();
        sim.descriptors(quorum_runtime::include_file_descriptor_set!("storage"));
        let serving = register.clone();
        sim.nodes(nodes, move |host| {
            let lie = lies.get(host.number() as usize - 1).copied();
            serve(host, serving.clone(), lie, mutation)
        });
        sim.clients(clients, move |host| {
            let history = host.history(&history);
            let operations = OPERATIONS / clients;
            work(User { host, history, register: register.clone(), mutation, keys }, operations)
        });
        sim.run()?;
        Ok(())
    }

    fn register(self) -> Result<Register> {
        Ok(match self {
            Self::Atomic => Register::ManyWriters,
            Self::SingleWriter => Register::OneWriter,
            Self::Byzantine => {
                let authority = Authority::from_seed([7; 32]);
                Register::Signed(authority.ok_or("these 32 bytes are no key")?)
            }
        })
    }
}

async fn serve(host: Host, register: Register, lie: Option<Lie>, mutation: Mutation) -> Result {
    let authority = register.authority().cloned();
    let identity = Identity::new(CLUSTER, host.number());
    let node = Node { identity, authority, mutation };
    let store = node.open(Some("/data".as_ref())).await?;
    let server: Server = match lie {
        None => node.server(StorageServer::new(store.clone())),
        Some(lie) => node.server(StorageServer::new(Liar::new(store.clone(), lie))),
    };
    let server = server.keep_alive(KEEP_ALIVE, KEEP_ALIVE);
    tokio::select! { biased;
        error = store.failure() => Err(error.into()),
        served = server.serve(host.address()) => Ok(served?),
    }
}

/// One who reads and writes, and notes what he sees.
struct User {
    host: Host,
    history: History<Map>,
    register: Register,
    mutation: Mutation,
    keys: u32,
}

/// Reads and writes at random, whatever becomes of it; and when everything works, reads all there is.
async fn work(user: User, operations: u32) -> Result {
    let me = user.host.number();
    let mut client = user.connect(me)?;
    for operation in 1..=operations {
        if user.is_alone() && operation % LIFE == 0 {
            client = user.connect(me + 100 * operation)?;
        }
        let key = user.host.draw(1..=user.keys.into());
        let is_done = if user.host.once_in(2) && (!user.is_alone() || me <= user.keys) {
            let key = if user.is_alone() { me.into() } else { key };
            // No two writes are of the same value, so a read tells which of them it saw.
            user.write(&client, format!("k{key}"), format!("{me}.{operation}")).await
        } else {
            user.read(&client, format!("k{key}")).await
        };
        // Who was refused at once does not ask again at once.
        sleep(Duration::from_millis(user.host.draw(0..=if is_done { 5 } else { 100 }))).await;
    }
    user.host.healed().await;
    // Now everything works, and what does not go on is stuck.
    for key in 1..=user.keys {
        while !user.read(&client, format!("k{key}")).await {
            sleep(KEEP_ALIVE).await;
        }
    }
    Ok(())
}

impl User {
    /// Whether each key has one writer.
    const fn is_alone(&self) -> bool {
        !matches!(self.register, Register::ManyWriters)
    }

    /// What a client needs of one run after another of its process.
    fn connect(&self, writer: u32) -> Result<Client> {
        let manager = Manager::builder().nodes(self.host.nodes()).timeout(TIMEOUT);
        let manager = manager.intercept(Caller::new(Terms::new(CLUSTER, PROTOCOL)));
        let manager = manager.keep_alive(KEEP_ALIVE, KEEP_ALIVE).build()?;
        Ok(Client::new(manager, self.register.clone(), writer, self.mutation)?)
    }

    /// Whether the key could be read.
    async fn read(&self, client: &Client, key: String) -> bool {
        let me = self.host.number().into();
        let read = self.history.invoke(me, Input::Read { key: key.clone() });
        let value = client.read(client.storage(), &key).await;
        value.map(|value| read.returned(Output::Value(value))).is_ok()
    }

    /// Whether the value was written for sure; otherwise it may have been, or be later.
    async fn write(&self, client: &Client, key: String, value: String) -> bool {
        let me = self.host.number().into();
        let asked = Input::Write { key: key.clone(), value: value.clone() };
        let write = self.history.invoke(me, asked);
        let written = client.write(client.storage(), &key, &value).await;
        written.map(|()| write.returned(Output::Done)).is_ok()
    }
}
