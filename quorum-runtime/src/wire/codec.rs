use tonic::Status;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

use super::Envelope;

/// Bytes that are gathered before they are handed to HTTP/2.
const WRITE_BUFFER: usize = 64 * 1024;

/// Envelopes to and from gRPC messages.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EnvelopeCodec;

impl Codec for EnvelopeCodec {
    type Encode = Envelope;
    type Decode = Envelope;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for EnvelopeCodec {
    type Item = Envelope;
    type Error = Status;

    fn encode(&mut self, envelope: Envelope, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(envelope.encoded_len());
        envelope.encode(buffer);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(WRITE_BUFFER, WRITE_BUFFER)
    }
}

impl Decoder for EnvelopeCodec {
    type Item = Envelope;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Envelope>, Status> {
        let envelope = Envelope::decode(buffer)
            .map_err(|error| Status::internal(format!("undecodable envelope: {error}")))?;
        Ok(Some(envelope))
    }
}
