//! Clients that note what they ask and what they are answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use quorum_runtime::history::History;
use quorum_runtime::history::key_value::{Input, Output};
use tokio::time::sleep;

use super::Map;
use crate::client::{Client, ClientError};

/// What one client does.
pub(super) struct Work {
    pub(super) number: u32,
    pub(super) keys: u32,
    pub(super) history: History<Map>,
    pub(super) rng: fastrand::Rng,
}

impl Work {
    /// Reads, writes and deletes at random until it is told to stop, whatever becomes of it.
    pub(super) async fn on(mut self, mut client: Client, stop: Arc<AtomicBool>) {
        for operation in 1_u64.. {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let key = key(self.rng.u32(..self.keys));
            match self.rng.u8(..10) {
                0..4 => drop(read(&mut client, &self.history, self.number, key).await),
                // No two writes are of the same value, so a read tells which of them it saw.
                4..9 => self.write(&mut client, key, format!("{}.{operation}", self.number)).await,
                _ => self.delete(&mut client, key).await,
            }
            sleep(Duration::from_millis(self.rng.u64(..20))).await;
        }
    }

    async fn write(&self, client: &mut Client, key: String, value: String) {
        let asked = Input::Write { key: key.clone(), value: value.clone() };
        self.note(asked, client.put(&key, &value)).await;
    }

    async fn delete(&self, client: &mut Client, key: String) {
        self.note(Input::Delete { key: key.clone() }, client.delete(&key)).await;
    }

    /// An answer says that it was done; else nobody knows, but where the client does.
    async fn note(
        &self,
        asked: Input<String, String>,
        doing: impl Future<Output = Result<bool, ClientError>>,
    ) {
        let noted = self.history.invoke(self.number.into(), asked);
        match doing.await {
            Ok(_) => noted.returned(Output::Done),
            Err(error) if error.is_without_effect() => noted.failed(),
            Err(_) => {}
        }
    }
}

async fn read(client: &mut Client, history: &History<Map>, number: u32, key: String) -> Result<()> {
    let noted = history.invoke(number.into(), Input::Read { key: key.clone() });
    noted.returned(Output::Value(client.get(&key).await?));
    Ok(())
}

/// Reads every key once more. What was acknowledged and is lost, these do not see.
pub(super) async fn read_all(client: &mut Client, history: &History<Map>, keys: u32) -> Result<()> {
    for number in 0..keys {
        let reading = read(client, history, 0, key(number)).await;
        reading.with_context(|| format!("all nodes are up, and {} cannot be read", key(number)))?;
    }
    Ok(())
}

fn key(number: u32) -> String {
    format!("k{number}")
}
