#[derive(Clone, PartialEq, prost::Message)]
pub struct Text {
    #[prost(string, tag = "1")]
    pub text: String,
}

#[quorum_macros::service]
pub trait Generic<T> {
    async fn read(&self, request: Text) -> Text;
}

#[quorum_macros::service]
pub trait Derived: Clone {
    async fn read(&self, request: Text) -> Text;
}

#[quorum_macros::service]
trait Private {
    async fn read(&self, request: Text) -> Text;
}

#[quorum_macros::service(name = "x")]
pub trait Named {
    async fn read(&self, request: Text) -> Text;
}

#[quorum_macros::service(package = "a b")]
pub trait Packaged {
    async fn read(&self, request: Text) -> Text;
}

#[quorum_macros::service]
pub struct NoTrait;

fn main() {}
