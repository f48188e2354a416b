//! What can go wrong between an answer and whoever waits for it: a connection that is reset, breaks off, or stays silent.
//!
//! A service says with a [`Transport`] in the extensions of its answer how it is to be lost; the server around it does so.

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderName, HeaderValue, Response};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The header by which a server on the other side of a socket asks for what a [`Transport`] asks for; it goes no further.
pub(crate) const TRANSPORT: HeaderName = HeaderName::from_static("x-authchain-transport");

/// Largest body that is broken off in its middle; of a larger one nothing is sent.
const LARGEST_BODY: usize = 8 * 1024 * 1024;

/// How an answer is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// The connection is reset (TCP RST) before the answer's first byte.
    Reset,
    /// The connection ends after half of the body.
    HalfBody,
    /// Nothing comes for as long as the client waits.
    Blackhole,
}

impl Transport {
    /// Its name, as in the catalogue of faults.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::HalfBody => "half_body",
            Self::Blackhole => "blackhole",
        }
    }

    /// Whether the client gets no status.
    #[must_use]
    pub fn is_silent(self) -> bool {
        self != Self::HalfBody
    }

    /// How an answer asks to be lost.
    pub(crate) fn of(response: &Response<Body>) -> Option<Self> {
        response.extensions().get().copied()
    }

    /// Turns what the [header](TRANSPORT) of a server of our own asks for into what the extensions ask for.
    pub(crate) fn unmark(response: &mut Response<Body>) {
        let named = response.headers_mut().remove(TRANSPORT);
        let how = named.and_then(|name| [Self::Reset, Self::HalfBody, Self::Blackhole].into_iter().find(|one| name == one.name()));
        how.map(|how| response.extensions_mut().insert(how));
    }
}

/// Why there is no answer: the connection is to end without one.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the connection is reset on purpose")]
pub(crate) struct Lost;

/// Loses an answer in the way it asks for; one that asks for nothing passes.
pub(crate) async fn lose(mut response: Response<Body>, how: Option<Transport>, abort: &Abort) -> Result<Response<Body>, Lost> {
    match how {
        None => Ok(response),
        Some(Transport::Reset) => {
            abort.set();
            Err(Lost)
        }
        // The server drops this future when the client leaves.
        Some(Transport::Blackhole) => std::future::pending().await,
        Some(Transport::HalfBody) => {
            let body = std::mem::take(response.body_mut());
            let bytes = to_bytes(body, LARGEST_BODY).await.unwrap_or_default();
            // One more than there is, where there is too little to be halved.
            let announced = bytes.len().max(1);
            response.headers_mut().remove(TRANSFER_ENCODING);
            response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(announced));
            let half = bytes.slice(..bytes.len() / 2);
            *response.body_mut() = Body::new(Half { left: (!half.is_empty()).then_some(half), flushed: false });
            Ok(response)
        }
    }
}

/// A body that breaks off.
struct Half {
    left: Option<Bytes>,
    /// Whether what was sent so far is on its way.
    flushed: bool,
}

impl http_body::Body for Half {
    type Data = Bytes;
    type Error = Lost;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<http_body::Frame<Bytes>, Lost>>> {
        if let Some(half) = self.left.take() {
            return Poll::Ready(Some(Ok(http_body::Frame::data(half))));
        }
        if !std::mem::replace(&mut self.flushed, true) {
            // The server sends what it has whenever a body makes it wait; at an error it would throw it away.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(Lost)))
    }
}

/// Whether a connection is to be reset when it ends. Cloning shares it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Abort(Arc<AtomicBool>);

impl Abort {
    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A TCP stream that can end with a reset.
#[derive(Debug)]
pub(crate) struct Abortable {
    stream: TcpStream,
    abort: Abort,
}

impl Abortable {
    pub(crate) fn new(stream: TcpStream, abort: Abort) -> Self {
        Self { stream, abort }
    }

    /// Nothing is sent any more once the connection is to be reset: HTTP/2 would end the one stream in good order.
    fn check(&self) -> io::Result<()> {
        if self.abort.is_set() { Err(io::ErrorKind::ConnectionReset.into()) } else { Ok(()) }
    }
}

impl Drop for Abortable {
    fn drop(&mut self) {
        if self.abort.is_set() {
            // Without lingering, closing a socket resets its connection. Should the system refuse, it ends all the same.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Abortable {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Abortable {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // An orderly end would come before the reset.
        if self.abort.is_set() { Poll::Ready(Ok(())) } else { Pin::new(&mut self.stream).poll_shutdown(cx) }
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
