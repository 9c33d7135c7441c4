//! The connection, in the clear or over TLS, which can be told to break, to stop in the middle of an answer, or to be
//! slow.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// No limit.
const WHOLE: usize = usize::MAX;
/// Bytes of an answer that drips, at a time.
const DROP: usize = 128;

/// What a handler tells the connection that it answers on.
#[derive(Clone, Debug)]
pub(crate) struct Orders {
    /// Bytes until the connection breaks.
    budget: Arc<AtomicUsize>,
    /// Bytes of the next answer's body until the connection breaks: becomes a budget when its head is seen.
    body_budget: Arc<AtomicUsize>,
    delay: Arc<AtomicU64>,
    /// Milliseconds before each few bytes of the next answer.
    pause: Arc<AtomicU64>,
    /// The next answer is sent twice.
    twice: Arc<AtomicBool>,
}

impl Orders {
    /// Breaks the connection after so many bytes of the next answer's body; 0 for no answer at all.
    pub(crate) fn break_after(&self, bytes: usize) {
        let which = if bytes == 0 {
            &self.budget
        } else {
            &self.body_budget
        };
        which.store(bytes, Ordering::SeqCst);
    }

    /// Waits so long before each of the next answer's two halves.
    pub(crate) fn be_slow(&self, delay: Duration) {
        let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.delay.store(millis, Ordering::SeqCst);
    }

    /// Sends the next answer a few bytes at a time.
    pub(crate) fn drip(&self, pause: Duration) {
        let millis = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX);
        self.pause.store(millis, Ordering::SeqCst);
    }

    /// Sends the next answer twice.
    pub(crate) fn double(&self) {
        self.twice.store(true, Ordering::SeqCst);
    }
}

/// Accepts connections that take orders.
pub(crate) struct Gate {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    /// Connections that are still agreeing on their keys. They end with the gate.
    hands: JoinSet<io::Result<TlsStream<TcpStream>>>,
}

impl Gate {
    /// A gate that speaks TLS if it is given how.
    pub(crate) fn new(listener: TcpListener, tls: Option<TlsAcceptor>) -> Self {
        Self {
            listener,
            tls,
            hands: JoinSet::new(),
        }
    }

    /// The next connection. A client that does not shake hands, or turns away, keeps nobody else waiting.
    async fn next(&mut self) -> Stream {
        loop {
            tokio::select! {
                (stream, _) = Listener::accept(&mut self.listener) => match self.tls.clone() {
                    None => return Stream::Plain(stream),
                    Some(tls) => {
                        self.hands.spawn(async move { tls.accept(stream).await });
                    }
                },
                Some(shaken) = self.hands.join_next() => {
                    if let Ok(Ok(stream)) = shaken {
                        return Stream::Tls(Box::new(stream));
                    }
                }
            }
        }
    }
}

impl Listener for Gate {
    type Io = Wire;
    type Addr = Orders;

    async fn accept(&mut self) -> (Wire, Orders) {
        let orders = Orders {
            budget: Arc::new(AtomicUsize::new(WHOLE)),
            body_budget: Arc::new(AtomicUsize::new(WHOLE)),
            delay: Arc::new(AtomicU64::new(0)),
            pause: Arc::new(AtomicU64::new(0)),
            twice: Arc::new(AtomicBool::new(false)),
        };
        let wire = Wire {
            stream: self.next().await,
            orders: orders.clone(),
            sleep: None,
            slept: false,
            wrote: false,
            dripped: false,
            again: Vec::new(),
        };
        (wire, orders)
    }

    fn local_addr(&self) -> io::Result<Orders> {
        Err(io::Error::new(
            io::ErrorKind::Unsupported,
            "the gate's address is its inner listener's",
        ))
    }
}

impl Connected<IncomingStream<'_, Gate>> for Orders {
    fn connect_info(stream: IncomingStream<'_, Gate>) -> Self {
        stream.remote_addr().clone()
    }
}

/// What the bytes go through.
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

/// One connection.
pub(crate) struct Wire {
    stream: Stream,
    orders: Orders,
    sleep: Option<Pin<Box<Sleep>>>,
    slept: bool,
    /// Part of an answer that is to be cut has left.
    wrote: bool,
    /// Part of an answer that drips has left.
    dripped: bool,
    /// What has left of an answer that is to be sent twice, or is left of its second time.
    again: Vec<u8>,
}

impl Wire {
    /// Waits so long once; then `true`, and it may be asked to wait anew.
    fn waited(&mut self, millis: u64, cx: &mut Context<'_>) -> bool {
        let sleep = self
            .sleep
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(Duration::from_millis(millis))));
        let over = sleep.as_mut().poll(cx).is_ready();
        if over {
            self.sleep = None;
        }
        over
    }

    fn broken(&self) -> io::Error {
        // With a zero linger time the kernel sends RST instead of FIN: a reset, not an end. It would also throw away
        // what a cut answer has sent so far.
        if !self.wrote {
            let _ = self.stream.tcp().set_zero_linger();
        }
        io::Error::new(io::ErrorKind::ConnectionReset, "broken on demand")
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let millis = self.orders.delay.load(Ordering::SeqCst);
        let mut length = buf.len();
        if millis > 0 {
            if !self.waited(millis, cx) {
                return Poll::Pending;
            }
            if self.slept {
                self.slept = false;
                self.orders.delay.store(0, Ordering::SeqCst);
            } else {
                self.slept = true;
                length = (length / 2).max(1);
            }
        }
        let pause = self.orders.pause.load(Ordering::SeqCst);
        if pause > 0 {
            if !self.waited(pause, cx) {
                return Poll::Pending;
            }
            length = length.min(DROP);
            self.dripped = true;
        }
        let body_budget = self.orders.body_budget.load(Ordering::SeqCst);
        if body_budget != WHOLE
            && let Some(end) = buf.windows(4).position(|four| four == b"\r\n\r\n")
        {
            self.orders.body_budget.store(WHOLE, Ordering::SeqCst);
            self.orders.budget.store(end + 4 + body_budget, Ordering::SeqCst);
            self.wrote = true;
        }
        let budget = self.orders.budget.load(Ordering::SeqCst);
        if budget == 0 {
            return Poll::Ready(Err(self.broken()));
        }
        length = length.min(budget);
        let written = Pin::new(&mut self.stream).poll_write(cx, &buf[..length]);
        if let Poll::Ready(Ok(bytes)) = &written
            && budget != WHOLE
        {
            self.orders.budget.store(budget - bytes, Ordering::SeqCst);
        }
        if let Poll::Ready(Ok(bytes)) = &written
            && self.orders.twice.load(Ordering::SeqCst)
        {
            self.again.extend_from_slice(&buf[..*bytes]);
        }
        written
    }

    /// Called when the whole of an answer has left.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while !this.again.is_empty() {
            match Pin::new(&mut this.stream).poll_write(cx, &this.again) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(written) => drop(this.again.drain(..written?)),
            }
            if this.again.is_empty() {
                this.orders.twice.store(false, Ordering::SeqCst);
            }
        }
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        if flushed.is_ready() && std::mem::take(&mut this.dripped) {
            this.orders.pause.store(0, Ordering::SeqCst);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
