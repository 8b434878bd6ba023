//! `serve`: one node.

use anyhow::{Context as _, Result, bail};
use tokio::net::TcpListener;

use crate::Outcome;
use crate::arguments::Serve;
use crate::output;
use crate::peers::Peer;

pub(crate) async fn serve(arguments: &Serve) -> Result<Outcome> {
    let Serve { listen, peer } = arguments;
    if *peer == Peer::Gorums {
        bail!("gorums serves in its own process: run the program in tests/interop/gorums");
    }
    let listener = TcpListener::bind(listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {listen}"))?;
    output::print(format_args!("listening on {}", listener.local_addr()?))?;
    let interrupted = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            eprintln!("cannot wait for Ctrl-C, so only a kill stops this server: {error}");
            std::future::pending().await
        }
    };
    peer.serve(listener, interrupted).await?;
    Ok(Outcome::Complete)
}
