//! A child's streams, with the engine's own complaint taken out: Docker puts it where the process's output goes.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::thread;

use crate::failure::Failure;

const COMPLAINT: &[u8] = b"OCI runtime ";

/// How a process ended.
pub(crate) struct Ended {
    pub(crate) code: u8,
    /// What the engine complained of, where it could not run the process.
    pub(crate) complaint: Option<String>,
}

/// Runs a call whose standard input is ours and whose streams become ours.
pub(crate) fn run(mut command: Command) -> Result<Ended, Failure> {
    let mut child = command.stdin(Stdio::inherit()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let errors = child.stderr.take().map(|from| thread::spawn(move || copy(from, std::io::stderr())));
    let output = child.stdout.take().and_then(|from| copy(from, std::io::stdout()));
    let errors = errors.and_then(|thread| thread.join().ok().flatten());
    let status = child.wait()?;
    // 125: the `docker` command's own failure, as of a container that is gone.
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(255);
    let complaint = output.or(errors).filter(|_| [126, 127, 128].contains(&code));
    Ok(Ended { code, complaint })
}

/// Copies, but keeps back what begins as a complaint.
fn copy(mut from: impl Read, mut to: impl Write) -> Option<String> {
    let mut complaint: Option<Vec<u8>> = None;
    let mut first = true;
    let mut buffer = [0; 16 * 1024];
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => &buffer[..read],
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => break,
        };
        if first && read.starts_with(COMPLAINT) {
            complaint = Some(vec![]);
        }
        first = false;
        match &mut complaint {
            Some(kept) => kept.extend_from_slice(read),
            // A reader that has gone away is no reason to stop the process.
            None => {
                let _ = to.write_all(read).and_then(|()| to.flush());
            }
        }
    }
    complaint.map(|text| String::from_utf8_lossy(&text).trim().to_owned())
}
