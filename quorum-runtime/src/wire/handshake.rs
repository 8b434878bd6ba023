use http::HeaderMap;
use tonic::metadata::{MetadataMap, MetadataValue};

use crate::quorum::NodeId;

/// The header by which either side says that it understands our additions to the wire.
const WIRE: &str = "quorum-wire";
const VERSION: &str = "1";

/// The header by which a client that can be called back says who it is.
const NODE_ID: &str = "gorums-node-id";

/// The header by which either side tells one run of its process from the next.
const INCARNATION: &str = "quorum-incarnation";

/// The header by which a client tells the streams of one link apart: the number of the link and
/// that of the stream, each in 16 hexadecimal digits.
const STREAM: &str = "quorum-stream";

/// One of the streams that follow each other on a link of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamId {
    pub(crate) link: u64,
    /// Counts up, so that the later of two is known.
    pub(crate) number: u64,
}

/// The id that a client claims to have, by these headers. One that is no number counts as 0, as it
/// does at nodes of Gorums.
pub(crate) fn claimed_id(headers: &HeaderMap) -> Option<NodeId> {
    let id = headers.get(NODE_ID)?.to_str().unwrap_or_default();
    Some(id.parse().unwrap_or(0).into())
}

/// What one side of a stream says of itself in the headers that open it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hello {
    /// It understands our additions to the wire.
    pub(crate) ours: bool,
    /// Only of a client that can be called back: its id, or 0 if it has none of its own.
    pub(crate) node_id: Option<NodeId>,
    pub(crate) incarnation: Option<u64>,
    /// Only of a client of ours.
    pub(crate) stream: Option<StreamId>,
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
        if let Some(StreamId { link, number }) = self.stream
            && let Ok(id) = format!("{link:016x}{number:016x}").parse()
        {
            headers.insert(STREAM, id);
        }
    }

    pub(crate) fn read(headers: &MetadataMap) -> Self {
        let text = |key| headers.get(key).map(|value| value.to_str().unwrap_or_default());
        Self {
            ours: text(WIRE) == Some(VERSION),
            node_id: claimed_id(headers.as_ref()),
            incarnation: text(INCARNATION).and_then(|number| number.parse().ok()),
            stream: text(STREAM).and_then(StreamId::parse),
        }
    }
}

impl StreamId {
    fn parse(text: &str) -> Option<Self> {
        let (link, number) = text.split_at_checked(16).filter(|(_, number)| number.len() == 16)?;
        let [link, number] = [link, number].map(|digits| u64::from_str_radix(digits, 16).ok());
        Some(Self { link: link?, number: number? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood() {
        let all = Hello {
            ours: true,
            node_id: Some(7.into()),
            incarnation: Some(u64::MAX),
            stream: Some(StreamId { link: 3, number: u64::MAX }),
        };
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
        headers.insert(STREAM, MetadataValue::from_static("7"));
        let hello = Hello::read(&headers);
        assert_eq!(hello, Hello { node_id: Some(0.into()), ..Hello::default() });
    }

    #[test]
    fn the_number_of_a_stream_is_two_numbers_of_16_digits() {
        let parsed = |text: &str| StreamId::parse(text).map(|id| (id.link, id.number));
        assert_eq!(parsed("000000000000000a0000000000000003"), Some((10, 3)));
        let strange = ["", "3", "000000000000000a000000000000000x", "äääääääääääääääää"];
        for text in strange.map(str::to_owned).into_iter().chain(["0".repeat(33)]) {
            assert_eq!(parsed(&text), None, "{text:?}");
        }
    }
}
