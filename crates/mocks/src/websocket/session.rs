//! A session, and what its connection is told to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::close::CloseCode;
use crate::delivery::Message;

/// How many messages can wait for a connection that does not read.
const CAPACITY: usize = 256;

/// How many bytes they can have together.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// What a connection is told to do.
#[derive(Debug)]
pub(super) enum Order {
    /// Send this message.
    Send(String),
    /// Send this demand to reconnect, and end at this time of the world.
    Reconnect(String, OffsetDateTime),
    /// End.
    Close(CloseCode),
}

/// The orders for one connection.
#[derive(Debug)]
pub(super) struct Orders {
    orders: mpsc::Receiver<Order>,
    bytes: Arc<AtomicUsize>,
}

/// Gives orders to one connection.
#[derive(Clone, Debug)]
pub(super) struct Line {
    orders: mpsc::Sender<Order>,
    bytes: Arc<AtomicUsize>,
}

/// A new line to a connection.
pub(super) fn line() -> (Line, Orders) {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    let bytes = Arc::new(AtomicUsize::new(0));
    (Line { orders: sender, bytes: Arc::clone(&bytes) }, Orders { orders: receiver, bytes })
}

impl Line {
    /// Sends a message, unless the connection is gone or does not read.
    pub(super) fn send(&self, frame: String) -> Result<(), &'static str> {
        let length = frame.len();
        if self.bytes.fetch_add(length, Ordering::Relaxed) + length > MAX_BYTES {
            self.bytes.fetch_sub(length, Ordering::Relaxed);
            return Err("the WebSocket does not read");
        }
        self.orders.try_send(Order::Send(frame)).map_err(|error| {
            self.bytes.fetch_sub(length, Ordering::Relaxed);
            match error {
                TrySendError::Full(_) => "the WebSocket does not read",
                TrySendError::Closed(_) => "the WebSocket is closed",
            }
        })
    }

    /// Sends a message after a delay. What becomes of a delayed one is not told.
    pub(super) fn send_after(&self, delay: Duration, frame: String) -> Result<(), &'static str> {
        if delay.is_zero() {
            return self.send(frame);
        }
        let line = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            let _ = line.send(frame);
        });
        Ok(())
    }

    /// Gives another order; returns whether it was received.
    pub(super) fn order(&self, order: Order) -> bool {
        self.orders.try_send(order).is_ok()
    }
}

impl Orders {
    /// The next order; `None` if there will be no more.
    pub(super) async fn next(&mut self) -> Option<Order> {
        let order = self.orders.recv().await;
        if let Some(Order::Send(frame)) = &order {
            self.bytes.fetch_sub(frame.len(), Ordering::Relaxed);
        }
        order
    }
}

/// A session.
#[derive(Debug)]
pub(super) struct Session {
    /// When it began, by the world's clock.
    pub(super) connected_at: OffsetDateTime,
    pub(super) keepalive_seconds: u32,
    /// The address that the client connected to.
    pub(super) address: String,
    /// The connection that has it.
    pub(super) connection: u64,
    pub(super) line: Line,
    /// What a new connection has to know to take it over.
    pub(super) challenge: Option<String>,
    /// Messages that are sent after the next one.
    pub(super) held: Vec<Message>,
}
