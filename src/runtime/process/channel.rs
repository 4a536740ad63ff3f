//! Messages between the master and its worker process: bytes and descriptors over a unix socket.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};

/// Kind of a message between the master and a worker process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// To the worker process: serve this configuration.
    Configure = 1,
    /// Go on with these logs.
    Logs,
    /// Answer what is under way and end.
    Quit,
    /// End at once.
    Terminate,
    /// From the worker process: it serves.
    Ready,
    /// The text says why it does not.
    Failed,
}

const KINDS: [Kind; 6] =
    [Kind::Configure, Kind::Logs, Kind::Quit, Kind::Terminate, Kind::Ready, Kind::Failed];

/// A message that has come.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) kind: Kind,
    pub(crate) text: Vec<u8>,
    pub(crate) descriptors: Vec<OwnedFd>,
}

/// Descriptors that go with one byte; the kernel takes 253.
const AT_ONCE: usize = 128;
/// Longest text of a message, and most descriptors with it: more is no message.
const MOST: u32 = 64 << 20;
const MOST_DESCRIPTORS: u32 = 1 << 16;

/// Sends a message.
///
/// # Errors
/// Those of the socket.
pub(crate) fn send(
    mut to: &UnixStream,
    kind: Kind,
    text: &[u8],
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    let length = u32::try_from(text.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut head = vec![kind as u8];
    head.extend(length.to_le_bytes());
    head.extend((descriptors.len() as u32).to_le_bytes());
    to.write_all(&head)?;
    for some in descriptors.chunks(AT_ONCE) {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(AT_ONCE))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !control.push(SendAncillaryMessage::ScmRights(some)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        sendmsg(to, &[IoSlice::new(&[0])], &mut control, SendFlags::NOSIGNAL)?;
    }
    to.write_all(text)
}

/// Waits for a message; `None`: the other process has ended.
///
/// # Errors
/// Those of the socket, or what came is no message.
pub(crate) fn receive(mut from: &UnixStream) -> io::Result<Option<Message>> {
    let mut head = [0; 9];
    match from.read_exact(&mut head) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let (length, count) = (number(1), number(5));
    let kind = KINDS.into_iter().find(|kind| *kind as u8 == head[0]);
    let Some(kind) = kind.filter(|_| length <= MOST && count <= MOST_DESCRIPTORS) else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let mut descriptors = Vec::new();
    while descriptors.len() < count as usize {
        let mut byte = [0];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(AT_ONCE))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let flags = RecvFlags::CMSG_CLOEXEC;
        let received = recvmsg(from, &mut [IoSliceMut::new(&mut byte)], &mut control, flags)?;
        let before = descriptors.len();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(some) = message {
                descriptors.extend(some);
            }
        }
        if received.bytes == 0 || descriptors.len() == before {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let mut text = vec![0; length as usize];
    from.read_exact(&mut text)?;
    Ok(Some(Message { kind, text, descriptors }))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn messages_carry_text_and_descriptors() {
        let (one, other) = UnixStream::pair().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"shared").unwrap();
        let many = vec![file.as_fd(); AT_ONCE * 2 + 1];
        send(&one, Kind::Configure, b"text", &many).unwrap();
        send(&one, Kind::Quit, b"", &[]).unwrap();
        one.shutdown(std::net::Shutdown::Write).unwrap();
        let message = receive(&other).unwrap().unwrap();
        assert_eq!((message.kind, &message.text[..]), (Kind::Configure, &b"text"[..]));
        assert_eq!(message.descriptors.len(), many.len());
        for descriptor in message.descriptors {
            assert_eq!(std::fs::File::from(descriptor).metadata().unwrap().len(), 6);
        }
        assert_eq!(receive(&other).unwrap().unwrap().kind, Kind::Quit);
        assert!(receive(&other).unwrap().is_none());
    }

    #[test]
    fn what_is_no_message_is_an_error() {
        for bad in
            [&[9, 0, 0, 0, 0, 0, 0, 0, 0][..], &[1, 0, 0, 0, 255, 0, 0, 0, 0], &[3, 0, 0, 0, 0, 0, 0, 2, 0]]
        {
            let (mut one, other) = UnixStream::pair().unwrap();
            one.write_all(bad).unwrap();
            assert!(receive(&other).is_err(), "{bad:?}");
        }
    }
}
