use tonic::metadata::{MetadataMap, MetadataValue};

use crate::quorum::NodeId;

/// The header by which either side says that it understands our additions to the wire.
const WIRE: &str = "quorum-wire";
const VERSION: &str = "1";

/// The header by which a client that can be called back says who it is.
const NODE_ID: &str = "gorums-node-id";

/// The header by which either side tells one run of its process from the next.
const INCARNATION: &str = "quorum-incarnation";

/// What one side of a stream says of itself in the headers that open it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hello {
    /// It understands our additions to the wire.
    pub(crate) ours: bool,
    /// Only of a client that can be called back: its id, or 0 if it has none of its own.
    pub(crate) node_id: Option<NodeId>,
    pub(crate) incarnation: Option<u64>,
}

impl Hello {
    pub(crate) fn write(self, headers: &mut MetadataMap) {
        if self.ours {
            headers.insert(WIRE, MetadataValue::from_static(VERSION));
        }
        if let Some(id) = self.node_id {
            headers.insert(NODE_ID, MetadataValue::from(id.get()));
        }
        if let Some(incarnation) = self.incarnation {
            headers.insert(INCARNATION, MetadataValue::from(incarnation));
        }
    }

    /// An id that is no number counts as 0, as it does at nodes of Gorums.
    pub(crate) fn read(headers: &MetadataMap) -> Self {
        let text = |key| headers.get(key).map(|value| value.to_str().unwrap_or_default());
        Self {
            ours: text(WIRE) == Some(VERSION),
            node_id: text(NODE_ID).map(|id| id.parse().unwrap_or(0).into()),
            incarnation: text(INCARNATION).and_then(|number| number.parse().ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood() {
        let all = Hello { ours: true, node_id: Some(7.into()), incarnation: Some(u64::MAX) };
        for hello in [all, Hello { ours: false, ..all }, Hello::default()] {
            let mut headers = MetadataMap::new();
            hello.write(&mut headers);
            assert_eq!(Hello::read(&headers), hello);
        }
    }

    #[test]
    fn headers_of_others_are_read_with_care() {
        let mut headers = MetadataMap::new();
        headers.insert(WIRE, MetadataValue::from_static("2"));
        headers.insert(NODE_ID, MetadataValue::from_static("minus one"));
        headers.insert(INCARNATION, MetadataValue::from_static("-1"));
        let hello = Hello::read(&headers);
        assert_eq!(hello, Hello { ours: false, node_id: Some(0.into()), incarnation: None });
    }
}
