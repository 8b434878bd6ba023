#[derive(Clone, PartialEq, prost::Message)]
pub struct Text {
    #[prost(string, tag = "1")]
    pub text: String,
}

#[quorum_macros::service]
pub trait Storage {
    async fn id(&self, request: Text) -> Text;

    #[call(quorumcall)]
    async fn fastest(&self, request: Text) -> Text;
}

fn main() {}
