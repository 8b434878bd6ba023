#[derive(Clone, PartialEq, prost::Message)]
pub struct Text {
    #[prost(string, tag = "1")]
    pub text: String,
}

#[quorum_macros::service]
pub trait Storage {
    #[call(quorumcall)]
    async fn read(&self, request: Text) -> Text;
}

struct NoQuorumFunctions;

fn main() {
    let manager = quorum_runtime::Manager::builder().nodes(["127.0.0.1:9001"]).build().unwrap();
    let _ = manager.storage(NoQuorumFunctions);
}
