//! The images that tests run on a real Docker Engine, made from this machine's own binaries and imported: no registry is asked.
//!
//! Each image carries the digest of its content as a label, so that making it again is a matter of comparing digests.

mod engine;
mod guest;
mod host;
mod outside;
mod pipelock;
mod rootfs;

use std::path::PathBuf;
use std::sync::OnceLock;

pub use engine::{Engine, engine};
pub use outside::Outside;
use rootfs::Rootfs;

/// The double of pipelock, at `/pipelock` as the entry point, from scratch, no user set.
pub const PIPELOCK: &str = "bottle-test/pipelock:1";
/// A small guest: busybox, a user `node` with the number 1000, ssh, socat, nft and setpriv, a double of npm. It sleeps by default, with no
/// entry point, no user set, in `/home/node`. [`ORIGIN`] makes an origin server of it.
///
/// busybox's `wget -T` crashes in Debian 12: limit its time by `timeout N wget`.
pub const GUEST: &str = "bottle-test/guest:2";
/// A command of the guest: a web server on port 80 whose `/` is [`ORIGIN_PAGE`], and an echo of bytes on port 443.
///
/// A sidecar reaches it on a third network, which the test connects both to, with the listed host as the origin's alias there:
/// on the egress network neighbours are cut off from each other, and from one bridge to another the engine drops all.
pub const ORIGIN: &str = "/usr/local/bin/origin";
/// What the origin answers at `/`.
pub const ORIGIN_PAGE: &str = "a page of the origin\n";

/// The label that holds the digest of an image's content.
const CONTENT: &str = "bottle-test.content";

/// The names of the images.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    /// [`PIPELOCK`].
    pub pipelock: &'static str,
    /// [`GUEST`].
    pub guest: &'static str,
}

/// Makes the images and loads them into the engine, unless it has them with the same content.
///
/// # Errors
/// When the engine does not answer, or this machine lacks a program that goes into them: in one line, with the packages.
pub fn ensure() -> Result<Images, String> {
    static DONE: OnceLock<Result<Images, String>> = OnceLock::new();
    DONE.get_or_init(|| {
        engine()?;
        host::check()?;
        load(PIPELOCK, pipelock::rootfs()?, &["ENTRYPOINT [\"/pipelock\"]"])?;
        load(GUEST, guest::rootfs()?, &["CMD [\"sleep\",\"infinity\"]", "WORKDIR /home/node"])?;
        Ok(Images { pipelock: PIPELOCK, guest: GUEST })
    })
    .clone()
}

/// The program of [`PIPELOCK`], for this machine itself: static, and without the switch that lets it dial containers.
///
/// # Errors
/// When it does not build: in one line.
pub fn pipelock_program() -> Result<PathBuf, String> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    BUILT.get_or_init(pipelock::build).clone()
}

fn load(image: &str, rootfs: Rootfs, changes: &[&str]) -> Result<(), String> {
    let (tar, content) = rootfs.finish(changes)?;
    let before = engine::known(image, CONTENT);
    if before.as_ref().is_some_and(|before| before.label == content) {
        return Ok(());
    }
    let label = format!("LABEL {CONTENT}={content}");
    engine::import(image, changes.iter().copied().chain([label.as_str()]), tar)?;
    if let Some(before) = before.filter(|before| !before.label.is_empty()) {
        engine::forget(&before.id);
    }
    Ok(())
}
