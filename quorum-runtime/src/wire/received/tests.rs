use futures::{StreamExt as _, stream};
use http::HeaderName;
use http_body::Frame;
use http_body_util::StreamBody;
use proptest::prelude::*;

use super::partial::LARGE;
use super::*;
use crate::wire::{Entry, Sent};

const LIMIT: usize = 100_000;

/// A body of these pieces, and then of these trailers.
fn body(pieces: Vec<Bytes>, trailers: Option<HeaderMap>) -> Body {
    let frames = pieces.into_iter().map(Frame::data).chain(trailers.map(Frame::trailers));
    Body::new(StreamBody::new(stream::iter(frames.map(Ok::<_, Status>))))
}

/// What comes of these pieces, sent by a client.
async fn received(pieces: Vec<Bytes>) -> Vec<Result<Envelope, Status>> {
    Received::from_client(body(pieces, None), LIMIT).collect().await
}

/// The bytes of these messages.
async fn bytes_of(messages: &[Envelope]) -> Bytes {
    use http_body_util::BodyExt as _;
    let messages: Vec<_> = messages.iter().cloned().map(Ok).collect();
    let body = Sent::by_client(stream::iter(messages));
    body.collect().await.unwrap().to_bytes()
}

fn message(sequence: u64, payload: usize) -> Envelope {
    let payload = vec![7; payload].into();
    Envelope { sequence, method: Bytes::from_static(b"a.B.C"), payload, ..Envelope::default() }
}

/// The pieces into which these cuts divide the bytes.
fn cut(bytes: &Bytes, cuts: &[usize]) -> Vec<Bytes> {
    let mut cuts: Vec<_> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.sort_unstable();
    let starts = [0].into_iter().chain(cuts.iter().copied());
    let ends = cuts.iter().copied().chain([bytes.len()]);
    starts.zip(ends).map(|(start, end)| bytes.slice(start..end)).collect()
}

fn refusal(messages: &[Result<Envelope, Status>]) -> &str {
    messages.last().unwrap().as_ref().unwrap_err().message()
}

proptest! {
    #[test]
    fn messages_come_as_they_were_sent_however_they_are_cut(
        payloads in proptest::collection::vec(prop_oneof![0..100_usize, LARGE - 10..3 * LARGE], 0..6),
        cuts: Vec<usize>,
    ) {
        let messages: Vec<_> = (1..).zip(payloads).map(|(n, length)| message(n, length)).collect();
        let received = futures::executor::block_on(async {
            received(cut(&bytes_of(&messages).await, &cuts)).await
        });
        let received: Vec<_> = received.into_iter().map(Result::unwrap).collect();
        prop_assert_eq!(received, messages);
    }

    #[test]
    fn no_bytes_at_all_make_the_reader_panic(bytes: Vec<u8>, cuts: Vec<usize>) {
        let pieces = cut(&bytes.into(), &cuts);
        futures::executor::block_on(received(pieces));
    }
}

#[tokio::test]
async fn each_of_two_cuts_of_a_message_is_mended() {
    let large = message(1, LARGE + 1);
    let with_metadata = Envelope {
        entries: vec![Entry { key: "k".to_owned(), value: "v".repeat(LARGE) }],
        ..message(2, 3)
    };
    let messages = [large, with_metadata];
    let bytes = bytes_of(&messages).await;
    for at in 0..bytes.len() {
        let received = received(cut(&bytes, &[at, at + LARGE])).await;
        let received: Vec<_> = received.into_iter().map(Result::unwrap).collect();
        assert!(received == messages, "cut at {at}");
    }
}

#[tokio::test]
async fn a_payload_that_came_as_it_was_sent_is_not_copied() {
    let bytes = bytes_of(&[message(1, LARGE)]).await;
    let payload = bytes.len() - LARGE;
    let received = received(cut(&bytes, &[payload])).await;
    assert_eq!(received[0].as_ref().unwrap().payload.as_ptr(), bytes[payload..].as_ptr());
}

#[tokio::test]
async fn what_is_announced_and_does_not_come_takes_no_room() {
    let mut received = Received::from_client(Body::default(), LIMIT);
    received.unread = Bytes::from_static(b"\0\0\x01\x86\xa0\x08");
    received.next_whole().unwrap();
    let held = received.partial.unwrap().capacity();
    assert!(held < 1000, "{held} bytes are held for a message of 100,000");
}

#[tokio::test]
async fn many_small_pieces_are_gathered_in_one() {
    let bytes = bytes_of(&[message(1, 50_000)]).await;
    let pieces: Vec<_> = (0..bytes.len()).map(|at| bytes.slice(at..=at)).collect();
    assert_eq!(received(pieces).await[0].as_ref().unwrap(), &message(1, 50_000));
}

#[tokio::test]
async fn what_is_broken_ends_the_messages_and_says_why() {
    let good = b"\0\0\0\0\x02\x08\x07";
    let ends = |bytes: &[u8]| {
        let bytes = [good, bytes, good].concat();
        async move { received(vec![bytes.into()]).await }
    };
    for (broken, why) in [
        (&b"\0\xff\0\0\0"[..], "a message of 4278190080 bytes is over the limit of 100000"),
        (b"\x01\0\0\0\0", "a message is compressed, although no compression was agreed on"),
        (b"\x07\0\0\0\0", "there is no compression flag 7"),
        (
            b"\0\0\0\0\x01\x08",
            "undecodable envelope: failed to decode Protobuf message: invalid varint",
        ),
        (
            b"\0\0\0\0\x02\x0a\x01",
            "undecodable envelope: failed to decode Protobuf message: invalid wire type: LengthDelimited (expected Varint)",
        ),
    ] {
        let received = ends(broken).await;
        assert_eq!(received.len(), 2, "the first, and the end: {received:?}");
        assert_eq!(refusal(&received), why);
    }
    let cut = received(vec![Bytes::from_static(b"\0\0\0\0\x02\x08")]).await;
    assert_eq!(refusal(&cut), "the last message is cut off");
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let pair = |&(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), value.parse().unwrap())
    };
    pairs.iter().map(pair).collect()
}

#[tokio::test]
async fn how_a_server_ends_its_messages() {
    let end = async |trailers: Option<HeaderMap>, status: u16| {
        let status = StatusCode::from_u16(status).unwrap();
        let mut received = Received::from_server(body(vec![], trailers), status, LIMIT);
        let end = received.next().await.map(Result::unwrap_err);
        assert!(received.next().await.is_none());
        end.map(|end| end.message().to_owned())
    };
    assert_eq!(end(Some(headers(&[("grpc-status", "0")])), 200).await, None);
    let failed = headers(&[("grpc-status", "10"), ("grpc-message", "why")]);
    assert_eq!(end(Some(failed), 200).await.unwrap(), "why");
    let silent = end(Some(HeaderMap::new()), 200).await.unwrap();
    assert_eq!(silent, "the stream ended without a gRPC status, HTTP says 200 OK");
    let lost = end(None, 502).await.unwrap();
    assert_eq!(lost, "the stream ended without a gRPC status, HTTP says 502 Bad Gateway");
}

#[tokio::test]
async fn details_that_are_no_base64_do_no_harm() {
    let trailers = headers(&[("grpc-status", "10"), ("grpc-status-details-bin", "?")]);
    let mut received = Received::from_server(body(vec![], Some(trailers)), StatusCode::OK, LIMIT);
    assert_eq!(received.next().await.unwrap().unwrap_err().code(), Code::Aborted);
}
