//! Panics: a panic ends the task that it happens in, never the server.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// The message of a panic.
pub(crate) type Payload = Box<dyn Any + Send>;

/// The text of a panic, for a log.
pub(crate) fn text(payload: &Payload) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("the program panicked (a fault of ngxc): {}", text.unwrap_or("no message"))
}

/// Does something; a panic is an error.
///
/// # Errors
/// The message of the panic.
pub(crate) fn caught<T>(what: impl FnOnce() -> T) -> Result<T, Payload> {
    // The state that `what` has changed is not looked at again by the callers.
    catch_unwind(AssertUnwindSafe(what))
}

/// The output of a future; a panic in it is an error.
///
/// # Errors
/// The message of the panic.
pub(crate) async fn caught_async<F: Future>(future: F) -> Result<F::Output, Payload> {
    let mut future = pin!(future);
    poll_fn(move |cx| match caught(|| future.as_mut().poll(cx)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(payload) => Poll::Ready(Err(payload)),
    })
    .await
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

    use super::*;

    #[test]
    fn a_panic_is_an_error_with_its_text() {
        assert_eq!(caught(|| 1).unwrap(), 1);
        let error = caught(|| assert_eq!(1, 2, "no {}", "way")).unwrap_err();
        assert!(text(&error).contains("no way"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert_eq!(runtime.block_on(caught_async(async { 2 })).unwrap(), 2);
        let panics = async {
            tokio::task::yield_now().await;
            panic!("later");
        };
        assert!(text(&runtime.block_on(caught_async(panics)).unwrap_err()).ends_with("later"));
    }
}
