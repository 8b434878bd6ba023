//! A server of ours that does what the recorder of the other tests does not.

use quorum_runtime::metadata::MetadataMap;
use quorum_runtime::{Call, Replier, Requests, Status};
use quorum_tests::item;
use quorum_tests::recorder::{Item, Recorder, RecorderNode as _};

/// Calls whoever asks back; counts in streams that end; answers with metadata.
pub(crate) struct Back;

impl Recorder for Back {
    async fn ask(&self, call: Call, request: Item) -> Result<Item, Status> {
        let caller = call.caller();
        let caller = caller.ok_or_else(|| Status::failed_precondition("you can't be called"))?;
        call.release();
        Ok(caller.ask(item(request.number + 1000)).await?)
    }

    async fn watch(&self, _: Call, request: Item, replies: Replier<Item>) -> Result<(), Status> {
        for number in 1..=request.number {
            replies.send(item(number)).await?;
        }
        if request.text == "fail" { Err(Status::aborted("told to")) } else { Ok(()) }
    }

    async fn record(&self, call: Call, request: Item) -> Result<Item, Status> {
        let mut metadata = MetadataMap::new();
        metadata.insert("told", "17".parse().expect("digits"));
        call.set_reply_metadata(metadata);
        Ok(request)
    }

    async fn ask_beside(&self, _: Call, request: Item) -> Result<Item, Status> {
        Ok(request)
    }

    async fn ask_again(&self, _: Call, request: Item) -> Result<Item, Status> {
        Ok(request)
    }

    async fn chat(&self, _: Call, _: Requests<Item>, _: Replier<Item>) -> Result<(), Status> {
        Ok(())
    }

    async fn beat(&self, _: Call, _: Item) {}

    async fn tell(&self, _: Call, _: Item) {}

    async fn note(&self, _: Call, _: Item) {}
}
