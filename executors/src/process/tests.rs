use std::sync::atomic::AtomicUsize;

use super::*;

static NEVER: AtomicBool = AtomicBool::new(false);

fn shell<'a>(args: &'a [OsString], feed: Option<Feed>, limit: Duration, hurry: &'a AtomicBool) -> Finished {
    Process { program: Path::new("/bin/sh"), args, env: &[], feed, limit, hurry }.run().unwrap()
}

fn script(text: &str) -> [OsString; 2] {
    ["-c".into(), text.into()]
}

fn alive(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().is_some_and(|rest| rest.starts_with(" Z")))
}

fn gone_soon(pid: &str) -> bool {
    let deadline = Instant::now() + Duration::from_secs(5);
    while alive(pid) {
        if Instant::now() > deadline {
            return false;
        }
        thread::yield_now();
    }
    true
}

const LONG: Duration = Duration::from_secs(60);

#[test]
fn the_exit_code_and_both_streams_are_told() {
    let done = shell(&script("echo out; echo err >&2; exit 3"), None, LONG, &NEVER);
    assert_eq!(done.ended, Ended::Exit(3));
    assert_eq!((done.stdout.bytes.as_slice(), done.stderr.bytes.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
    assert_eq!(shell(&script("kill -9 $$"), None, LONG, &NEVER).ended, Ended::Signal(9));
}

#[test]
fn a_program_that_is_not_there_is_an_error() {
    let process =
        Process { program: Path::new("/no/such"), args: &[], env: &[], feed: None, limit: LONG, hurry: &NEVER };
    assert_eq!(process.run().err().map(|error| error.kind()), Some(io::ErrorKind::NotFound));
}

#[test]
fn much_in_and_much_out_at_once_do_not_wait_for_each_other() {
    let total = 8 << 20;
    let feed: Feed = Box::new(move |to| {
        for _ in 0..total / 4096 {
            to.write_all(&[b'x'; 4096])?;
        }
        Ok(())
    });
    let done = shell(&script("tee /dev/stderr"), Some(feed), LONG, &NEVER);
    assert!(done.succeeded());
    assert_eq!((done.stdout.bytes.len(), done.stdout.cut), (total, false));
    assert_eq!((done.stderr.bytes.len(), done.stderr.cut), (STDERR_KEPT, true));
}

#[test]
fn a_child_that_reads_nothing_ends_as_its_exit_code_says() {
    let feed: Feed = Box::new(|to| {
        loop {
            to.write_all(&[0; 4096])?;
        }
    });
    let done = shell(&script("exec 0<&-; exit 0"), Some(feed), LONG, &NEVER);
    assert!(done.succeeded());
}

#[test]
fn a_feed_that_fails_is_told_even_when_the_child_is_content() {
    let feed: Feed = Box::new(|to| {
        to.write_all(b"half")?;
        Err(io::Error::other("the other half is gone"))
    });
    let done = shell(&script("cat"), Some(feed), LONG, &NEVER);
    assert_eq!((done.ended.clone(), done.stdout.bytes.as_slice()), (Ended::Exit(0), &b"half"[..]));
    assert!(!done.succeeded());
    assert_eq!(done.starved.unwrap().to_string(), "the other half is gone");
}

#[test]
fn the_time_limit_ends_the_whole_group_even_one_deaf_to_asking() {
    let text = "trap '' TERM; sleep 1000 & echo $!; while :; do wait; done";
    let done = shell(&script(text), None, Duration::from_secs(2), &NEVER);
    assert_eq!(done.ended, Ended::TimeLimit(2));
    let grandchild = String::from_utf8(done.stdout.bytes).unwrap();
    assert!(grandchild.trim().parse::<u32>().is_ok(), "{grandchild:?}");
    assert!(gone_soon(grandchild.trim()));
}

#[test]
fn hurry_ends_what_runs_and_begins_nothing_more() {
    let hurry = AtomicBool::new(false);
    let began = Instant::now();
    thread::scope(|scope| {
        let runner = scope.spawn(|| shell(&script("exec sleep 1000"), None, LONG, &hurry));
        hurry.store(true, Ordering::Relaxed);
        assert_eq!(runner.join().unwrap().ended, Ended::Hurried);
    });
    assert!(began.elapsed() < LONG);
    assert_eq!(shell(&script("exit 0"), None, LONG, &hurry).ended, Ended::Hurried);
}

#[test]
fn hurry_reaches_a_child_in_the_middle_of_its_work() {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    let hurry = AtomicBool::new(false);
    // The feed runs once the child stands, and then never ends by itself.
    let feed: Feed = Box::new(|to| {
        STARTED.store(1, Ordering::SeqCst);
        loop {
            to.write_all(&[0; 4096])?;
        }
    });
    thread::scope(|scope| {
        let runner = scope.spawn(|| shell(&script("exec sleep 1000"), Some(feed), LONG, &hurry));
        while STARTED.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
        hurry.store(true, Ordering::Relaxed);
        let done = runner.join().unwrap();
        assert_eq!(done.ended, Ended::Hurried);
    });
}

#[test]
fn a_grandchild_that_keeps_the_pipes_is_not_waited_for() {
    let began = Instant::now();
    let done = shell(&script("setsid sleep 1000 & echo $!"), None, LONG, &NEVER);
    assert_eq!(done.ended, Ended::Exit(0));
    assert!(began.elapsed() < LONG / 2);
    let stray = String::from_utf8(done.stdout.bytes).unwrap();
    if let Some(stray) = stray.trim().parse().ok().and_then(Pid::from_raw) {
        rustix::process::kill_process(stray, Signal::KILL).unwrap();
    }
}

#[test]
fn a_secret_is_in_the_childs_environment_and_in_no_argv() {
    let env = [("BOTTLE_TEST_TOKEN", OsStr::new("hunter2-in-env"))];
    let args = script("cat /proc/$$/cmdline; printf %s \"$BOTTLE_TEST_TOKEN\"");
    let process =
        Process { program: Path::new("/bin/sh"), args: &args, env: &env, feed: None, limit: LONG, hurry: &NEVER };
    let said = String::from_utf8(process.run().unwrap().stdout.bytes).unwrap();
    assert!(said.starts_with("/bin/sh\0-c\0") && said.ends_with("hunter2-in-env"), "{said:?}");
    assert_eq!(said.matches("hunter2").count(), 1);
}

#[test]
fn ends_and_beginnings_are_kept_to_the_byte() {
    let end = Capture::new(Keep::End(4));
    let beginning = Capture::new(Keep::Beginning(4));
    for part in [&b"ab"[..], b"cde", b"fghijklmnop", b"q"] {
        end.take_in(part);
        beginning.take_in(part);
    }
    assert_eq!(end.take().bytes, b"nopq");
    let kept = beginning.take();
    assert_eq!((kept.bytes.as_slice(), kept.cut), (&b"abcd"[..], true));
}
