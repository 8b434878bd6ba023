use bytes::Bytes;
use prost::Message as _;
use tonic::{Code, Status};

/// `google.rpc.Status`. The details stay encoded; on the wire a message and bytes look the same.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(crate) struct RpcStatus {
    #[prost(int32, tag = "1")]
    pub(crate) code: i32,
    #[prost(string, tag = "2")]
    pub(crate) message: String,
    #[prost(bytes = "bytes", repeated, tag = "3")]
    pub(crate) details: Vec<Bytes>,
}

impl From<&Status> for RpcStatus {
    fn from(status: &Status) -> Self {
        // By gRPC's convention the details of a status are a whole encoded google.rpc.Status.
        let details = Self::decode(status.details()).map(|inner| inner.details).unwrap_or_default();
        Self { code: status.code().into(), message: status.message().to_owned(), details }
    }
}

impl RpcStatus {
    /// The status as tonic has it, or `None` for a success.
    pub(crate) fn into_error(self) -> Option<Status> {
        let code = Code::from_i32(self.code);
        if code == Code::Ok {
            return None;
        }
        if self.details.is_empty() {
            return Some(Status::new(code, self.message));
        }
        let details = self.encode_to_vec().into();
        Some(Status::with_details(code, self.message, details))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_keeps_its_code_message_and_details() {
        let detail = Bytes::from_static(b"\x0a\x03url\x12\x01v");
        let inner = RpcStatus { code: 9, message: "x".to_owned(), details: vec![detail.clone()] };
        let status =
            Status::with_details(Code::FailedPrecondition, "x", inner.encode_to_vec().into());
        let sent = RpcStatus::from(&status);
        assert_eq!(sent.details, [detail]);
        let received = sent.into_error().unwrap();
        assert_eq!(received.code(), Code::FailedPrecondition);
        assert_eq!(received.message(), "x");
        assert_eq!(received.details(), status.details());
    }

    #[test]
    fn code_0_is_a_success_and_a_code_nobody_knows_is_unknown() {
        assert!(RpcStatus::default().into_error().is_none());
        let strange = RpcStatus { code: 4711, ..RpcStatus::default() };
        assert_eq!(strange.into_error().unwrap().code(), Code::Unknown);
    }
}
