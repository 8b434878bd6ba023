#[derive(Clone, PartialEq, prost::Message)]
pub struct Text {
    #[prost(string, tag = "1")]
    pub text: String,
}

#[quorum_macros::service]
pub trait Storage {
    #[call(quorumcall, multicast)]
    async fn read(&self, request: Text) -> Text;

    #[call(quorumcal)]
    async fn write(&self, request: Text) -> Text;

    #[call(queue = NEWEST)]
    async fn beat(&self, request: Text);

    #[call(per_node_arg)]
    async fn ask(&self, request: Text) -> Text;
}

fn main() {}
