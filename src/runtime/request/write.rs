//! Bytes to the client: no faster than it may get them, and not for ever.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::runtime::net::buffer::Buffer;
use crate::runtime::net::clock::Clock;
use crate::runtime::net::stream::{IdleEvent, Stream};
use crate::runtime::request::ahead;
use crate::runtime::request::connection::Connection;
use crate::runtime::request::state::Request;

impl Connection {
    /// Sends the head of the response to a client that speaks HTTP/2. To others it goes together with the body, out of
    /// `request.out`.
    pub(crate) fn begin(&mut self, request: &mut Request) -> io::Result<()> {
        if let Some(head) = &request.http2_head
            && let Stream::Http2(stream) = &mut self.stream
            && self.sink.is_none()
        {
            stream.begin(head)?;
            request.sent += head.length;
        }
        Ok(())
    }

    /// Writes what is in `out`, as fast as the client may get it.
    pub(crate) async fn flush(
        &mut self,
        request: &mut Request,
        out: &mut Vec<u8>,
        from: &mut usize,
    ) -> io::Result<()> {
        let timeout = request.plan.core.send_timeout.value;
        let rate = self.scope(request).limit_rate();
        if rate == 0 {
            self.write(&out[*from..], timeout).await?;
            request.sent += (out.len() - *from) as u64;
        } else {
            self.write_slowly(request, &out[*from..], rate, timeout).await?;
        }
        // The head is still asked for by the log.
        out.truncate(request.head_length);
        *from = request.head_length;
        Ok(())
    }

    /// `limit_rate`
    pub(crate) async fn write_slowly(
        &mut self,
        request: &mut Request,
        out: &[u8],
        rate: u64,
        timeout: Duration,
    ) -> io::Result<()> {
        let mut rest = out;
        while !rest.is_empty() {
            let free = self.scope(request).limit_rate_after();
            let elapsed = Clock::now().as_secs().saturating_sub(request.started.as_secs());
            let may = (rate * (elapsed + 1) + free).saturating_sub(request.sent);
            if may == 0 {
                let over = request.sent.saturating_sub(rate * elapsed + free);
                let wait = Duration::from_millis(over * 1000 / rate + 1);
                self.pause(wait).await?;
                continue;
            }
            let n = rest.len().min(usize::try_from(may).unwrap_or(usize::MAX));
            self.write(&rest[..n], timeout).await?;
            request.sent += n as u64;
            rest = &rest[n..];
            if !rest.is_empty() {
                self.pause(Duration::from_millis(n as u64 * 1000 / rate + 1)).await?;
            }
        }
        Ok(())
    }

    /// Waits; an error if the client closes the connection.
    pub(crate) async fn pause(&mut self, time: Duration) -> io::Result<()> {
        let (stream, ahead) = (&self.stream, &self.ahead);
        let is_gone = |cx: &mut Context<'_>| match stream.poll_idle_event(cx) {
            Poll::Ready(IdleEvent::Closed) => Poll::Ready(()),
            _ => {
                ahead::poll(ahead, cx);
                Poll::Pending
            }
        };
        match self.timer.limit(time, is_gone).await {
            Some(()) => Err(io::ErrorKind::ConnectionReset.into()),
            None => Ok(()),
        }
    }

    /// Writes of a buffer what the client takes at once; the rest stays in the buffer.
    pub(crate) async fn write_now(&mut self, buffer: &mut Buffer) -> io::Result<()> {
        let (stream, ahead) = (&mut self.stream, &self.ahead);
        let taken = poll_fn(|cx| {
            while !buffer.is_empty() {
                match stream.poll_write(cx, buffer.filled()) {
                    Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    Poll::Ready(Ok(n)) => buffer.start += n,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => {
                        ahead::poll(ahead, cx);
                        break;
                    }
                }
            }
            Poll::Ready(Ok(()))
        });
        taken.await
    }

    /// Waits until the client takes more; an error also when it takes nothing for `timeout`.
    pub(crate) async fn writable(&mut self, timeout: Duration) -> io::Result<()> {
        let (stream, ahead) = (&self.stream, &self.ahead);
        let ready = |cx: &mut Context<'_>| {
            let ready = stream.poll_write_ready(cx);
            if ready.is_pending() {
                ahead::poll(ahead, cx);
            }
            ready
        };
        let ready = self.timer.limit(timeout, ready).await;
        ready.unwrap_or_else(|| {
            self.timed_out = true;
            Err(io::ErrorKind::TimedOut.into())
        })
    }

    /// Writes the bytes in a buffer. A client that takes no more of them holds only the rest, not a large buffer.
    pub(crate) async fn write_buffer(&mut self, buffer: &mut Buffer, timeout: Duration) -> io::Result<()> {
        if !buffer.is_large() || self.sink.is_some() {
            return self.write(buffer.filled(), timeout).await;
        }
        self.write_now(buffer).await?;
        if buffer.is_empty() {
            return Ok(());
        }
        let rest = buffer.filled().to_vec();
        self.worker.buffers.give(std::mem::replace(buffer, Buffer::absent()));
        self.write(&rest, timeout).await
    }

    /// Writes all of `data`; an error also when the client takes nothing for `timeout`.
    pub(crate) async fn write(&mut self, data: &[u8], timeout: Duration) -> io::Result<()> {
        let framed;
        let mut rest = data;
        if let Some(sink) = &mut self.sink {
            framed = sink.take(data, false)?;
            rest = &framed;
        }
        while !rest.is_empty() {
            let (stream, ahead) = (&mut self.stream, &self.ahead);
            let written = |cx: &mut Context<'_>| {
                let written = stream.poll_write(cx, rest);
                if written.is_pending() {
                    ahead::poll(ahead, cx);
                }
                written
            };
            match self.timer.limit(timeout, written).await {
                Some(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Some(Ok(n)) => rest = &rest[n..],
                Some(Err(error)) => return Err(error),
                None => {
                    self.timed_out = true;
                    return Err(io::ErrorKind::TimedOut.into());
                }
            }
        }
        Ok(())
    }
}
