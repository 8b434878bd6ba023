use tonic::metadata::{KeyAndValueRef, MetadataMap};

use super::{Entry, GRPC_TIMEOUT, OURS};

/// Headers by which gRPC itself is spoken. A status that came from elsewhere may bring them along.
const RESERVED: [&str; 5] =
    ["te", "content-type", "grpc-message", "grpc-message-type", "grpc-status"];

/// The metadata of a message as entries of its envelope. Binary values travel in their base64
/// form, as they do in gRPC headers. Keys that are ours are left out.
pub(crate) fn entries_of(metadata: &MetadataMap) -> Vec<Entry> {
    let entry = |key: &str, value: &[u8]| Entry {
        key: key.to_owned(),
        value: String::from_utf8_lossy(value).into_owned(),
    };
    metadata
        .iter()
        .filter_map(|key_and_value| match key_and_value {
            KeyAndValueRef::Ascii(key, _) if is_no_metadata(key.as_str()) => None,
            KeyAndValueRef::Ascii(key, value) => {
                Some(entry(key.as_str(), value.as_encoded_bytes()))
            }
            KeyAndValueRef::Binary(key, _) if is_ours(key.as_str()) => None,
            KeyAndValueRef::Binary(key, value) => {
                Some(entry(key.as_str(), value.as_encoded_bytes()))
            }
        })
        .collect()
}

/// The entries of an envelope as metadata of the application. What can't be a gRPC header is left
/// out, and so is what is ours.
pub(crate) fn metadata_of(entries: Vec<Entry>) -> MetadataMap {
    let mut metadata = http::HeaderMap::new();
    for Entry { key, value } in entries.into_iter().filter(|entry| !is_ours(&entry.key)) {
        let key = http::HeaderName::try_from(key);
        let value = http::HeaderValue::try_from(value);
        if let (Ok(key), Ok(value)) = (key, value) {
            // Refuses beyond 32,768 entries, which then are left out as well.
            let _ = metadata.try_append(key, value);
        }
    }
    MetadataMap::from_headers(metadata)
}

fn is_no_metadata(key: &str) -> bool {
    key == GRPC_TIMEOUT || RESERVED.contains(&key) || is_ours(key)
}

fn is_ours(key: &str) -> bool {
    key.starts_with(OURS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_makes_the_way_there_and_back_and_the_timeout_stays() {
        let mut request = tonic::Request::new(());
        request.set_timeout(std::time::Duration::from_secs(1));
        request.metadata_mut().insert("trace", "17".parse().unwrap());
        request
            .metadata_mut()
            .insert_bin("sign-bin", tonic::metadata::MetadataValue::from_bytes(&[0, 255]));
        let metadata = metadata_of(entries_of(request.metadata()));
        assert_eq!(metadata.len(), 2);
        assert_eq!(metadata.get("trace").unwrap(), "17");
        assert_eq!(&metadata.get_bin("sign-bin").unwrap().to_bytes().unwrap()[..], [0, 255]);
    }

    #[test]
    fn what_is_no_header_is_left_out() {
        let entry = |key: &str, value: &str| Entry { key: key.into(), value: value.into() };
        let metadata = metadata_of(vec![
            entry("bad key", "v"),
            entry("k", "a\nb"),
            entry("quorum-end", ""),
            entry("ok", "v"),
        ]);
        assert_eq!(metadata.len(), 1);
        assert_eq!(metadata.get("ok").unwrap(), "v");
    }
}
