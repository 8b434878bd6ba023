//! The nodes of this program under load.

use anyhow::Result;

use super::clients::{self, Counters};
use crate::client::Client;
use crate::program::machine;
use crate::program::nodes::Target;
use crate::program::processes::Processes;

impl clients::Target for Target {
    type Worker = Client;

    fn worker(&self) -> Result<Client> {
        self.client()
    }

    async fn counters(&self) -> Result<Counters> {
        let all = self.client()?.status().await;
        let told: Vec<_> = all.into_iter().filter_map(|(_, told)| told.ok()).collect();
        let processes = self.processes.as_ref().map(Processes::running);
        let written =
            processes.and_then(|all| all.iter().map(|(_, pid)| machine::bytes_written(*pid)).sum());
        Ok(Counters {
            syncs: Some(told.iter().map(|told| told.syncs).sum()),
            bytes_logged: Some(told.iter().map(|told| told.bytes_logged).sum()),
            bytes_written: written,
        })
    }
}

impl clients::Worker for Client {
    async fn put(&mut self, key: &str, value: &str) -> Result<()> {
        Self::put(self, key, value).await?;
        Ok(())
    }

    async fn get(&mut self, key: &str) -> Result<()> {
        Self::get(self, key).await?;
        Ok(())
    }
}
