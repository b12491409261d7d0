//! The socket of a connection: notes what it waits for, and holds the memory for heads.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf, Take};
use tokio::net::TcpStream;

use super::connection::{Connection, ask};
use crate::memory::{Budget, Holder, Share};

/// What is read at once, in bytes: less than what hyper has room for by itself, for it makes ever more room for those who
/// fill it.
const CHUNK: u64 = 8 * 1024 - 1;
/// What a head has without asking, in bytes; ordinary ones are shorter.
const ALLOWANCE: usize = 4 * 1024;
/// Buffers grow by doubling.
const ROOM: usize = 2;

/// See the module.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Take<TcpStream>,
    connection: Arc<Connection>,
    memory: Budget,
    share: Option<Share>,
    write_blocked: bool,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, connection: Arc<Connection>, memory: Budget) -> Self {
        Self { stream: stream.take(CHUNK), connection, memory, share: None, write_blocked: false }
    }

    /// Holds as much memory as the head has taken, which the request keeps until it is answered.
    fn hold(&mut self) -> io::Result<()> {
        if self.connection.is_in_service() {
            return Ok(());
        }
        let head = self.connection.head_bytes();
        if head <= ALLOWANCE {
            self.share = None;
            return Ok(());
        }
        let Self { connection, memory, share, .. } = self;
        let share = share.get_or_insert_with(|| memory.share(Arc::clone(connection) as Arc<dyn Holder>));
        share.grow(ROOM * head).map_err(|error| io::Error::new(io::ErrorKind::OutOfMemory, error))
    }
}

/// Whether something waits in the socket, which the runtime need not have noticed yet; an end is something.
pub(super) fn has_arrived(stream: &TcpStream) -> bool {
    let looked = SockRef::from(stream).peek(&mut [MaybeUninit::uninit()]);
    !looked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.stream.set_limit(CHUNK);
        let before = buf.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        match &read {
            Poll::Ready(Ok(())) => {
                this.connection.received(buf.filled().len() - before);
                this.hold()?;
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                if !this.write_blocked {
                    this.connection.read_waits();
                }
                if this.connection.asked() & (ask::END | ask::YIELD) != 0 {
                    this.connection.set_arrived(has_arrived(this.stream.get_ref()));
                }
                if this.share.is_some() {
                    this.hold()?;
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
