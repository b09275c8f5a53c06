//! Patience: a stream whose writes fail when the other side takes no byte for a while, so that a client which never reads
//! its answer holds neither a connection nor a place among the streams.

use std::io::{Error, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How long a client may leave an answer without taking a byte.
pub const UNREAD: Duration = Duration::from_secs(30);

/// Pieces of up to so many bytes together are sent as one: to gather them costs the kernel more than to copy them here.
const TOGETHER: usize = 4096;

/// A stream with bounded patience for whoever reads from its other end.
pub struct Patient<S> {
    stream: S,
    together: Vec<u8>,
    unread: Duration,
    patience: Pin<Box<Sleep>>,
    waiting: bool,
}

impl<S> Patient<S> {
    /// Gives up on writes after [`UNREAD`].
    pub fn new(stream: S) -> Self {
        Self::within(stream, UNREAD)
    }

    fn within(stream: S, unread: Duration) -> Self {
        Self { stream, together: Vec::new(), unread, patience: Box::pin(tokio::time::sleep(unread)), waiting: false }
    }

    /// What a write gave, or a failure when writes have waited too long.
    fn judge<T>(&mut self, written: Poll<Result<T, Error>>, context: &mut Context<'_>) -> Poll<Result<T, Error>> {
        if written.is_ready() {
            self.waiting = false;
            return written;
        }
        if !self.waiting {
            self.waiting = true;
            let end = Instant::now() + self.unread;
            self.patience.as_mut().reset(end);
        }
        match self.patience.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the client takes no byte"))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<(), Error>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize, Error>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize, Error>> {
        let Self { stream, together, .. } = &mut *self;
        let stream = Pin::new(stream);
        let written = if slices.len() > 1 && slices.iter().map(|slice| slice.len()).sum::<usize>() <= TOGETHER {
            together.clear();
            slices.iter().for_each(|slice| together.extend_from_slice(slice));
            stream.poll_write(context, together)
        } else {
            stream.poll_write_vectored(context, slices)
        };
        self.judge(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.judge(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.judge(shut, context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    const SHORT: Duration = Duration::from_millis(400);

    #[tokio::test]
    async fn pieces_arrive_in_order_however_many_bytes_are_taken_at_once() {
        for length in [1, 100, TOGETHER / 2, TOGETHER, 3 * TOGETHER] {
            let (near, mut far) = duplex(700);
            let pieces = [vec![1; length], Vec::new(), vec![2; length + 1], vec![3; 7]];
            let wanted = pieces.concat();
            let sending = tokio::spawn(async move {
                let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
                let (mut near, mut left) = (Patient::new(near), slices.as_mut_slice());
                while !left.is_empty() {
                    let written = near.write_vectored(left).await.expect("somebody reads");
                    IoSlice::advance_slices(&mut left, written);
                }
            });
            let mut told = Vec::new();
            far.read_to_end(&mut told).await.expect("bytes");
            sending.await.expect("all was sent");
            assert!(told == wanted, "{length}");
        }
    }

    #[tokio::test]
    async fn a_reader_that_takes_nothing_is_given_up_and_a_slow_one_is_not() {
        let (near, far) = duplex(10);
        let begun = Instant::now();
        let failed = Patient::within(near, SHORT).write_all(&[0; 100]).await.expect_err("nobody reads");
        assert_eq!(failed.kind(), ErrorKind::TimedOut);
        assert!(begun.elapsed() >= SHORT);
        drop(far);

        let (near, mut far) = duplex(10);
        let slow = tokio::spawn(async move {
            let mut piece = [0; 10];
            for _ in 0..10 {
                tokio::time::sleep(SHORT / 8).await;
                far.read_exact(&mut piece).await.expect("bytes");
            }
        });
        Patient::within(near, SHORT).write_all(&[0; 100]).await.expect("somebody reads");
        slow.await.expect("all was read");
    }
}
