//! Reading a response's body: bounded while it comes, and bounded again while it is decompressed.

use super::failure::failure;
use crate::trace::{Body, Failure, FailureKind};
use crate::web::headers::Headers;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use std::io::{self, Read};

/// Codings that are undone in a row; nobody uses more than one.
const MAX_CODINGS: usize = 4;
/// Largest window of zstd that a user agent need support (RFC 9659 §3).
const ZSTD_WINDOW: u64 = 8 * 1024 * 1024;

/// Why a body is not there.
#[derive(Debug)]
pub(super) enum BodyError {
    /// The connection did not bring it.
    Transport(hyper::Error),
    /// It is too large, or not what its coding says.
    Refused(Failure),
}

/// Reads a body of at most `limit` bytes, before and after its codings are undone. `what` names it for messages.
pub(super) async fn read(incoming: Incoming, headers: &Headers, limit: usize, what: impl Fn() -> String) -> Result<Body, BodyError> {
    match collect(incoming, limit).await {
        (encoded, End::Complete) => {
            let bytes = decode(encoded, headers, limit, &what).map_err(BodyError::Refused)?;
            Ok(Body { bytes, truncated: false })
        }
        (_, End::OverLimit) => Err(BodyError::Refused(too_large(limit, &what()))),
        (_, End::Broken(error)) => Err(BodyError::Transport(error)),
    }
}

/// Reads the body of a redirect, which no browser looks at: what fits into `limit`, and no error for the rest.
/// `false` says that more was to come, so that the connection is of no use any more.
pub(super) async fn skim(incoming: Incoming, headers: &Headers, limit: usize) -> (Body, bool) {
    let (encoded, end) = collect(incoming, limit).await;
    let complete = matches!(end, End::Complete);
    match decode(encoded, headers, limit, &String::new) {
        Ok(bytes) => (Body { bytes, truncated: !complete }, complete),
        Err(_) => (Body { bytes: Bytes::new(), truncated: true }, complete),
    }
}

/// Why reading ended.
enum End {
    Complete,
    OverLimit,
    Broken(hyper::Error),
}

/// The bytes as they come, at most `limit`; those of a body in one piece are not copied.
async fn collect(mut incoming: Incoming, limit: usize) -> (Bytes, End) {
    let announced = incoming.size_hint().exact().and_then(|length| usize::try_from(length).ok());
    if announced.is_some_and(|length| length > limit) {
        return (Bytes::new(), End::OverLimit);
    }
    let mut only = Bytes::new();
    let mut joined = BytesMut::new();
    let end = loop {
        let data = match incoming.frame().await {
            None => break End::Complete,
            Some(Err(error)) => break End::Broken(error),
            Some(Ok(frame)) => frame.into_data().unwrap_or_default(),
        };
        if only.len().max(joined.len()) + data.len() > limit {
            break End::OverLimit;
        }
        if only.is_empty() {
            only = data;
        } else {
            if joined.is_empty() {
                joined.reserve(announced.unwrap_or(only.len() + data.len()));
                joined.extend_from_slice(&only);
            }
            joined.extend_from_slice(&data);
        }
    };
    (if joined.is_empty() { only } else { joined.freeze() }, end)
}

/// Undoes `Content-Encoding`, the last coding first (RFC 9110 §8.4). A coding that is not known leaves the body as it is,
/// as in Chromium.
fn decode(encoded: Bytes, headers: &Headers, limit: usize, what: &impl Fn() -> String) -> Result<Bytes, Failure> {
    if encoded.is_empty() {
        return Ok(encoded);
    }
    let codings: Vec<&str> = headers
        .get_all("content-encoding")
        .filter_map(|value| std::str::from_utf8(value).ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))
        .take(MAX_CODINGS + 1)
        .collect();
    if codings.len() > MAX_CODINGS {
        return Err(failure(FailureKind::Malformed, format!("{} was encoded more than {MAX_CODINGS} times over", what())));
    }
    let mut bytes = encoded;
    for name in codings.into_iter().rev() {
        let Some(coding) = Coding::named(name) else { break };
        bytes = match coding.undo(&bytes, limit) {
            Ok(Some(decoded)) => decoded.into(),
            Ok(None) => return Err(too_large(limit, &what())),
            Err(error) => {
                return Err(failure(
                    FailureKind::Malformed,
                    format!("the body of {} is no valid {coding}: {error}", what(), coding = name.to_ascii_lowercase()),
                ));
            }
        };
    }
    Ok(bytes)
}

fn too_large(limit: usize, what: &str) -> Failure {
    let size = if limit.is_multiple_of(1024 * 1024) { format!("{} MiB", limit / (1024 * 1024)) } else { format!("{limit} bytes") };
    failure(FailureKind::TooLarge, format!("the body of {what} is larger than {size}, the most that is read (after decompression)"))
}

/// The codings that are asked for in `Accept-Encoding`.
#[derive(Clone, Copy)]
enum Coding {
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    fn named(name: &str) -> Option<Self> {
        let known = [("gzip", Self::Gzip), ("x-gzip", Self::Gzip), ("deflate", Self::Deflate), ("br", Self::Brotli), ("zstd", Self::Zstd)];
        known.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, coding)| coding)
    }

    /// The bytes before this coding; `None` when they are more than `limit`.
    fn undo(self, encoded: &[u8], limit: usize) -> io::Result<Option<Vec<u8>>> {
        match self {
            // What follows the first member is passed over, as in Chromium.
            Self::Gzip => take(flate2::bufread::GzDecoder::new(encoded), limit),
            // RFC 9110 §8.4.1.2 means zlib, but some servers send raw deflate, so browsers look.
            Self::Deflate if is_zlib(encoded) => take(flate2::bufread::ZlibDecoder::new(encoded), limit),
            Self::Deflate => take(flate2::bufread::DeflateDecoder::new(encoded), limit),
            Self::Brotli => take(brotli_decompressor::Decompressor::new(encoded, 4096), limit),
            Self::Zstd => {
                if zstd_window(encoded).is_none_or(|window| window > ZSTD_WINDOW) {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "no frame header with a window of at most 8 MiB"));
                }
                take(ruzstd::decoding::StreamingDecoder::new(encoded).map_err(io::Error::other)?, limit)
            }
        }
    }
}

fn take(mut decoder: impl Read, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let mut decoded = Vec::new();
    decoder.by_ref().take(limit as u64 + 1).read_to_end(&mut decoded)?;
    Ok((decoded.len() <= limit).then_some(decoded))
}

/// Whether the bytes begin with a zlib header (RFC 1950 §2.2): method 8, and a check value.
fn is_zlib(bytes: &[u8]) -> bool {
    matches!(bytes, [method, flags, ..] if method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]) % 31 == 0)
}

/// The window that a zstd frame asks for (RFC 8878 §3.1.1.1), known before any memory is given to it.
fn zstd_window(bytes: &[u8]) -> Option<u64> {
    let (&descriptor, rest) = bytes.strip_prefix(&[0x28, 0xb5, 0x2f, 0xfd])?.split_first()?;
    if descriptor & 0x20 == 0 {
        let &window = rest.first()?;
        let base = 1u64 << (10 + u32::from(window >> 3));
        return Some(base + base / 8 * u64::from(window & 7));
    }
    // A single segment: the window is the whole content, whose size follows the dictionary's id.
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let size = [1, 2, 4, 8][usize::from(descriptor >> 6)];
    let field = rest.get(dictionary..dictionary + size)?;
    let value = field.iter().rev().fold(0u64, |value, &byte| value << 8 | u64::from(byte));
    Some(if size == 2 { value + 256 } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use std::io::Write as _;

    const LIMIT: usize = 1024 * 1024;
    const TEXT: &[u8] = b"the same words again, the same words again";

    fn decoded(coding: &str, bytes: Vec<u8>) -> Result<Bytes, Failure> {
        let headers: Headers = [("Content-Encoding", coding)].into_iter().collect();
        decode(bytes.into(), &headers, LIMIT, &|| "the answer".to_owned())
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    }

    #[test]
    fn every_coding_that_is_asked_for_is_undone() {
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(TEXT).unwrap();
        let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), Compression::fast());
        raw.write_all(TEXT).unwrap();
        // "hello" in one uncompressed meta-block (RFC 7932 §9.2).
        let brotli = b"\x0b\x02\x80hello\x03".to_vec();
        assert_eq!(decoded("gzip", gzip(TEXT)).unwrap(), TEXT);
        assert_eq!(decoded("deflate", zlib.finish().unwrap()).unwrap(), TEXT);
        assert_eq!(decoded("deflate", raw.finish().unwrap()).unwrap(), TEXT);
        assert_eq!(decoded("br", brotli).unwrap(), b"hello"[..]);
        assert_eq!(decoded("zstd", zstd(TEXT)).unwrap(), TEXT);
        assert_eq!(decoded("zstd, gzip", gzip(&zstd(TEXT))).unwrap(), TEXT);
        assert_eq!(decoded("identity", TEXT.to_vec()).unwrap(), TEXT);
        assert_eq!(decoded("made-up", TEXT.to_vec()).unwrap(), TEXT);
    }

    #[test]
    fn bombs_stop_at_the_limit() {
        let zeroes = vec![0; LIMIT + 1];
        for (coding, bytes) in [("gzip", gzip(&zeroes)), ("zstd", zstd(&zeroes)), ("gzip, gzip", gzip(&gzip(&zeroes)))] {
            assert_eq!(decoded(coding, bytes).unwrap_err().kind, FailureKind::TooLarge, "{coding}");
        }
        assert_eq!(decoded("gzip", gzip(&zeroes[1..])).unwrap().len(), LIMIT);
    }

    #[test]
    fn a_zstd_window_beyond_eight_mebibytes_is_refused_unread() {
        assert_eq!(zstd_window(&[0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x68]), Some(8 * 1024 * 1024));
        let error = decoded("zstd", vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xf8, 0, 0, 0]).unwrap_err();
        assert_eq!(error.kind, FailureKind::Malformed);
        assert!(error.message.contains("8 MiB"), "{}", error.message);
    }

    #[test]
    fn broken_codings_are_named() {
        for coding in ["gzip", "br", "zstd", "deflate"] {
            let error = decoded(coding, b"\xff\xff\xff\xff\xff not encoded".to_vec()).unwrap_err();
            assert_eq!(error.kind, FailureKind::Malformed, "{coding}");
            assert!(error.message.contains(coding), "{}", error.message);
        }
        assert_eq!(decoded("gzip,gzip,gzip,gzip,gzip", TEXT.to_vec()).unwrap_err().kind, FailureKind::Malformed);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_a_decoder_panic(bytes: Vec<u8>, which in 0usize..4) {
            let _ = decoded(["gzip", "deflate", "br", "zstd"][which], bytes);
        }
    }
}
