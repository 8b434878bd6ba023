//! Messages to bytes and back.

use bytes::{Bytes, BytesMut};
use divan::Bencher;
use quorum_runtime::__bench::Message;

const PAYLOADS: [usize; 3] = [0, 1024, 64 * 1024];

/// So many in a row are timed together, as one alone is too short.
const SAMPLE: u32 = 256;

#[divan::bench(args = PAYLOADS, sample_size = SAMPLE)]
fn encode_request(bencher: Bencher<'_, '_>, payload: usize) {
    encode(bencher, &Message::request(zeros(payload)));
}

#[divan::bench(args = PAYLOADS, sample_size = SAMPLE)]
fn encode_reply(bencher: Bencher<'_, '_>, payload: usize) {
    encode(bencher, &Message::reply(zeros(payload)));
}

#[divan::bench(args = [1, 8], sample_size = SAMPLE)]
fn encode_request_with_metadata(bencher: Bencher<'_, '_>, entries: usize) {
    encode(bencher, &Message::request(Bytes::new()).with_metadata(entries));
}

#[divan::bench(sample_size = SAMPLE)]
fn encode_refusal(bencher: Bencher<'_, '_>) {
    encode(bencher, &Message::refusal());
}

#[divan::bench(args = PAYLOADS, sample_size = SAMPLE)]
fn decode_request(bencher: Bencher<'_, '_>, payload: usize) {
    decode(bencher, &Message::request(zeros(payload)));
}

#[divan::bench(args = PAYLOADS, sample_size = SAMPLE)]
fn decode_reply(bencher: Bencher<'_, '_>, payload: usize) {
    decode(bencher, &Message::reply(zeros(payload)));
}

#[divan::bench(args = [1, 8], sample_size = SAMPLE)]
fn decode_request_with_metadata(bencher: Bencher<'_, '_>, entries: usize) {
    decode(bencher, &Message::request(Bytes::new()).with_metadata(entries));
}

#[divan::bench(sample_size = SAMPLE)]
fn decode_refusal(bencher: Bencher<'_, '_>) {
    decode(bencher, &Message::refusal());
}

/// Into a buffer that has room, as most do on the stream.
fn encode(bencher: Bencher<'_, '_>, message: &Message) {
    let mut buffer = BytesMut::new();
    message.encode(&mut buffer);
    bencher.bench_local(|| {
        buffer.clear();
        message.encode(&mut buffer);
        divan::black_box(&buffer[..]);
    });
}

fn decode(bencher: Bencher<'_, '_>, message: &Message) {
    let mut buffer = BytesMut::new();
    message.encode(&mut buffer);
    let bytes = buffer.freeze();
    bencher.with_inputs(|| bytes.clone()).bench_local_values(Message::decode);
}

fn zeros(count: usize) -> Bytes {
    vec![0; count].into()
}
