#[derive(Clone, PartialEq, prost::Message)]
pub struct Text {
    #[prost(string, tag = "1")]
    pub text: String,
}

#[quorum_macros::service]
pub trait Storage {
    const LIMIT: u32;

    async fn without_receiver(request: Text) -> Text;

    async fn without_message(&self) -> Text;

    async fn two_messages(&self, one: Text, other: Text) -> Text;

    async fn with_result(&self, request: Text) -> Result<Text, ()>;

    async fn with_body(&self, request: Text) -> Text {
        request
    }
}

fn main() {}
