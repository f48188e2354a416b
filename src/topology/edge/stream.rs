//! Byte streams whose first bytes were looked at already.

use bytes::{Buf, Bytes};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// Any stream of bytes in both directions.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Duplex for T {}

/// A stream with the bytes that were read ahead put back in front.
#[derive(Debug)]
pub(super) struct Prefixed<S> {
    front: Bytes,
    rest: S,
}

impl<S: Duplex> Prefixed<S> {
    /// Waits for the first bytes of `stream`; `None` if it ends before there are any.
    pub(super) async fn look(mut stream: S) -> io::Result<Option<Self>> {
        let mut front = vec![0; 1024];
        let length = stream.read(&mut front).await?;
        front.truncate(length);
        Ok((length > 0).then(|| Self { front: front.into(), rest: stream }))
    }

    /// Whether a TLS handshake begins here (RFC 8446 §5.1: content type 22); no HTTP request begins with that byte.
    pub(super) fn is_tls(&self) -> bool {
        self.front.first() == Some(&22)
    }
}

impl<S: Duplex> AsyncRead for Prefixed<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.front.is_empty() {
            return Pin::new(&mut self.rest).poll_read(cx, buf);
        }
        let length = self.front.len().min(buf.remaining());
        buf.put_slice(&self.front[..length]);
        self.front.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl<S: Duplex> AsyncWrite for Prefixed<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.rest).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.rest).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.rest).poll_shutdown(cx)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.rest).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.rest.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;

    #[tokio::test]
    async fn nothing_is_lost_by_looking() {
        let (mut near, far) = tokio::io::duplex(64);
        near.write_all(b"\x16abc").await.unwrap();
        let mut looked = Prefixed::look(far).await.unwrap().unwrap();
        assert!(looked.is_tls());
        near.write_all(b"def").await.unwrap();
        drop(near);
        let mut all = Vec::new();
        looked.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"\x16abcdef");
    }

    #[tokio::test]
    async fn a_stream_that_says_nothing_is_none() {
        let (near, far) = tokio::io::duplex(64);
        drop(near);
        assert!(Prefixed::look(far).await.unwrap().is_none());
    }
}
