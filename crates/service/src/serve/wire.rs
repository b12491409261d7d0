//! The socket of a connection: records what it waits for, and holds the memory for heads.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf, Take};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::connection::{Connection, ask};
use super::registry::Place;
use crate::memory::{Budget, Holder, KEPT_PAUSES, PAUSE, Share};

/// The number of bytes read at once, and the allowance of a head; ordinary ones are shorter. It is smaller than hyper's own
/// buffer, which grows for clients that fill it.
const CHUNK: usize = 8 * 1024 - 1;
/// Buffers grow by doubling.
const ROOM: usize = 2;

/// The socket of a connection.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Take<TcpStream>,
    connection: Arc<Connection>,
    /// Kept for as long as the socket is open, also by another protocol.
    _place: Arc<Place>,
    memory: Budget,
    share: Option<Share>,
    /// The pause before it asks again for memory that was refused.
    pause: Option<Pin<Box<Sleep>>>,
    pauses: u8,
    write_blocked: bool,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, place: Arc<Place>, memory: Budget) -> Self {
        let connection = Arc::clone(&place.connection);
        Self {
            stream: stream.take(0),
            connection,
            _place: place,
            memory,
            share: None,
            pause: None,
            pauses: 0,
            write_blocked: false,
        }
    }

    /// How much may be read now, in bytes. A request keeps what its head has taken until it is answered.
    fn poll_allowed(&mut self, cx: &mut Context<'_>) -> Poll<usize> {
        let Self { connection, memory, share, pause, pauses, .. } = self;
        if connection.is_in_service() || connection.is_upgraded() {
            return Poll::Ready(CHUNK);
        }
        let head = connection.head_bytes();
        if head < CHUNK {
            *share = None;
            return Poll::Ready(CHUNK - head);
        }
        let share = share.get_or_insert_with(|| memory.share(Arc::clone(connection) as Arc<dyn Holder>));
        loop {
            if let Some(sleep) = pause {
                ready!(sleep.as_mut().poll(cx));
                *pause = None;
            }
            if share.grow(ROOM * (head + CHUNK)).is_ok() {
                *pauses = 0;
                return Poll::Ready(CHUNK);
            }
            *pauses = pauses.saturating_add(1);
            if *pauses > KEPT_PAUSES {
                connection.read_waits();
            }
            *pause = Some(Box::pin(tokio::time::sleep(PAUSE)));
        }
    }
}

/// Whether the socket has something to read, which the runtime may not have noticed yet; an end counts.
pub(super) fn has_arrived(stream: &TcpStream) -> bool {
    let looked = SockRef::from(stream).peek(&mut [MaybeUninit::uninit()]);
    !looked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.connection.ends_by_reset() {
            // Closing a socket that does not linger resets the connection. Without the option it is only closed.
            let _ = SockRef::from(self.stream.get_ref()).set_linger(Some(Duration::ZERO));
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // Another protocol has no answer to finish: it ends when it is asked to.
        if this.connection.is_upgraded() && this.connection.listen(cx.waker()) != 0 {
            return Poll::Ready(Ok(()));
        }
        let allowed = ready!(this.poll_allowed(cx));
        this.stream.set_limit(allowed as u64);
        let before = buf.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        match &read {
            Poll::Ready(Ok(())) => this.connection.received(buf.filled().len() - before),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                if !this.write_blocked {
                    this.connection.read_waits();
                }
                if this.connection.asked() & (ask::END | ask::YIELD) != 0 {
                    this.connection.set_arrived(has_arrived(this.stream.get_ref()));
                }
            }
        }
        read
    }
}

impl Wire {
    fn written<T>(&mut self, written: Poll<T>) -> Poll<T> {
        match written {
            Poll::Pending => {
                self.write_blocked = true;
                self.connection.write_waits();
            }
            Poll::Ready(_) if self.write_blocked => {
                self.write_blocked = false;
                self.connection.write_goes_on();
            }
            Poll::Ready(_) => {}
        }
        written
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(this.stream.get_mut()).poll_write(cx, buf);
        this.written(written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(this.stream.get_mut()).poll_write_vectored(cx, bufs);
        this.written(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.get_ref().is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.get_mut().stream.get_mut()).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(self.get_mut().stream.get_mut()).poll_shutdown(cx)
    }
}
