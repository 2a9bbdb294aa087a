//! Bytes to and fro between two connections.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::thread;

/// How many bytes went each way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

/// Relays until the far side is done. The near side may finish first and still hear the answer.
pub(crate) fn relay(near: &TcpStream, far: &TcpStream) -> io::Result<Traffic> {
    let (mut from_near, mut to_far) = (near.try_clone()?, far.try_clone()?);
    let sending = thread::Builder::new().spawn(move || {
        let sent = io::copy(&mut from_near, &mut to_far).unwrap_or_default();
        let _ = to_far.shutdown(Shutdown::Write);
        sent
    })?;
    let received = io::copy(&mut &*far, &mut &*near).unwrap_or_default();
    for side in [near, far] {
        let _ = side.shutdown(Shutdown::Both);
    }
    Ok(Traffic { sent: sending.join().unwrap_or_default(), received })
}
