//! Signals: the first one stops, the second one hurries.
//!
//! Forge runners send SIGINT, SIGTERM 7.5 s later and SIGKILL 2.5 s after that: the first stops the starting of work, the second ends what is in
//! flight, and there is time left to write down how that went.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Handle;

/// What signals have asked for.
///
/// Once installed, SIGINT and SIGTERM no longer end the process by themselves, not even after this is dropped: keep it until the process ends.
pub struct Signals {
    shared: Arc<Shared>,
    thread: Option<(Handle, JoinHandle<()>)>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    hurry: AtomicBool,
    listener: Mutex<Option<Listener>>,
}

type Listener = Box<dyn Fn() + Send>;

/// Ends the listening when it is dropped.
pub struct Listening<'signals>(&'signals Shared);

impl Signals {
    /// Takes SIGINT and SIGTERM over.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn install() -> io::Result<Self> {
        let mut arriving = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
        let handle = arriving.handle();
        let shared = Arc::new(Shared::default());
        let raised = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || arriving.forever().for_each(|_| raised.raise()))?;
        Ok(Self { shared, thread: Some((handle, thread)) })
    }

    /// Ones that come from [`Signals::raise`] alone.
    #[must_use]
    pub fn by_hand() -> Self {
        Self { shared: Arc::default(), thread: None }
    }

    /// As if a signal had come.
    pub fn raise(&self) {
        self.shared.raise();
    }

    /// Whether nothing more may be started.
    #[must_use]
    pub fn stop(&self) -> bool {
        self.shared.stop.load(Ordering::SeqCst)
    }

    /// Set when what is in flight is to be hurried to its end.
    #[must_use]
    pub fn hurry(&self) -> &AtomicBool {
        &self.shared.hurry
    }

    /// Calls `listener` after every signal, on another thread. One listener at a time: a second takes the place of the first.
    pub fn listen(&self, listener: impl Fn() + Send + 'static) -> Listening<'_> {
        *self.shared.listener() = Some(Box::new(listener));
        Listening(&self.shared)
    }
}

impl Shared {
    fn raise(&self) {
        if self.stop.swap(true, Ordering::SeqCst) {
            self.hurry.store(true, Ordering::SeqCst);
        }
        if let Some(listener) = &*self.listener() {
            listener();
        }
    }

    fn listener(&self) -> std::sync::MutexGuard<'_, Option<Listener>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        if let Some((handle, thread)) = self.thread.take() {
            handle.close();
            // It ends by itself now; a panic in it was already reported by its own hook.
            let _ = thread.join();
        }
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        *self.0.listener() = None;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_first_stops_and_the_second_hurries() {
        let signals = Signals::by_hand();
        assert!(!signals.stop());
        signals.raise();
        assert!(signals.stop() && !signals.hurry().load(Ordering::SeqCst));
        signals.raise();
        assert!(signals.hurry().load(Ordering::SeqCst));
    }

    #[test]
    fn nobody_is_called_once_they_stopped_listening() {
        let signals = Signals::by_hand();
        let (sender, heard) = mpsc::channel();
        let listening = signals.listen(move || sender.send(()).unwrap());
        signals.raise();
        assert_eq!(heard.recv(), Ok(()));
        drop(listening);
        signals.raise();
        assert!(heard.recv().is_err());
    }

    #[test]
    fn real_signals_arrive_and_wake() {
        let signals = Signals::install().unwrap();
        let (sender, heard) = mpsc::channel();
        let _listening = signals.listen(move || sender.send(()).unwrap());
        let own = rustix::process::getpid();
        rustix::process::kill_process(own, rustix::process::Signal::INT).unwrap();
        heard.recv_timeout(Duration::from_secs(30)).unwrap();
        assert!(signals.stop() && !signals.hurry().load(Ordering::SeqCst));
        rustix::process::kill_process(own, rustix::process::Signal::TERM).unwrap();
        heard.recv_timeout(Duration::from_secs(30)).unwrap();
        assert!(signals.hurry().load(Ordering::SeqCst));
    }
}
