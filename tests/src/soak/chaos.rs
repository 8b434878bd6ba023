use std::time::Duration;

use anyhow::{Context as _, Result};
use fastrand::Rng;
use tokio::time::Instant;

use super::order::Order;
use crate::{Proxy, TestServer, Traffic};

/// Servers behind proxies, and what is done to them.
#[derive(Debug)]
pub(super) struct Chaos {
    members: Vec<Member>,
    random: Rng,
    pub(super) restarts: u64,
    pub(super) hangs: u64,
}

#[derive(Debug)]
struct Member {
    server: TestServer,
    proxy: Proxy,
    order: Order,
    trouble: Option<(Trouble, Instant)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Dead,
    Hung,
    Slow,
}

/// Of how many servers at most something is wrong at a time: one more than a majority can bear.
const TROUBLED: usize = 3;

impl Chaos {
    pub(super) async fn start(servers: usize, random: Rng) -> Self {
        let mut members = Vec::new();
        for _ in 0..servers {
            let server = TestServer::start().await;
            let proxy = Proxy::start(&server.address()).await;
            members.push(Member { server, proxy, order: Order::default(), trouble: None });
        }
        Self { members, random, restarts: 0, hangs: 0 }
    }

    pub(super) fn addresses(&self) -> impl Iterator<Item = String> {
        self.members.iter().map(|member| member.proxy.address())
    }

    /// Makes trouble until the time is up, then ends all of it.
    pub(super) async fn run(&mut self, end: Instant) -> Result<()> {
        while Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(self.random.u64(5..100))).await;
            for member in &mut self.members {
                member.check()?;
                if member.trouble.is_some_and(|(_, until)| Instant::now() >= until) {
                    member.mend().await;
                }
            }
            self.trouble()?;
        }
        for member in &mut self.members {
            member.mend().await;
        }
        Ok(())
    }

    /// What the servers have handled up to now was in order.
    pub(super) fn check(&mut self) -> Result<()> {
        self.members.iter_mut().try_for_each(Member::check)
    }

    fn trouble(&mut self) -> Result<()> {
        if self.members.iter().filter(|member| member.trouble.is_some()).count() >= TROUBLED {
            return Ok(());
        }
        let victim = self.random.usize(0..self.members.len());
        let member = &mut self.members[victim];
        if member.trouble.is_some() {
            return Ok(());
        }
        // A hang is shorter than HTTP/2 takes to give a connection up.
        let until = Instant::now() + Duration::from_millis(self.random.u64(20..2000));
        let trouble = match self.random.u8(0..4) {
            0 | 1 => {
                self.restarts += 1;
                member.kill()?;
                Trouble::Dead
            }
            2 => {
                self.hangs += 1;
                member.proxy.set(Traffic::Hold);
                Trouble::Hung
            }
            _ => {
                let time = Duration::from_millis(self.random.u64(1..50));
                member.proxy.set(Traffic::Delay(time));
                Trouble::Slow
            }
        };
        member.trouble = Some((trouble, until));
        Ok(())
    }
}

impl Member {
    fn check(&mut self) -> Result<()> {
        let handled = self.server.recording().take();
        self.order.check(&handled).with_context(|| format!("server {}", self.server.address()))
    }

    fn kill(&mut self) -> Result<()> {
        tokio::task::block_in_place(|| self.server.kill());
        self.check()?;
        // Its next life knows nothing of this one.
        self.order = Order::default();
        Ok(())
    }

    async fn mend(&mut self) {
        match self.trouble.take() {
            Some((Trouble::Dead, _)) => self.server.restart().await,
            Some((Trouble::Hung | Trouble::Slow, _)) => self.proxy.set(Traffic::Pass),
            None => {}
        }
    }
}
