#[derive(Clone)]
pub struct NoMessage;

#[quorum_macros::service]
pub trait Storage {
    async fn read(&self, request: NoMessage) -> NoMessage;
}

fn main() {}
