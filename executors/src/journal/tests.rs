use std::borrow::Cow;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use bottle_planner::digest::Digest;
use bottle_planner::guarantee::Guarantee;
use bottle_planner::operation::Input;
use proptest::prelude::*;

use super::*;

fn at(address: &str) -> Address {
    Address::recorded(address)
}

fn done(digest: &str, container: Option<&str>) -> Done {
    Done {
        digest: Digest::recorded(digest),
        inputs: vec![Input { name: "image".to_owned(), value: "node".to_owned() }],
        container: container.map(str::to_owned),
        since: None,
    }
}

fn held(bottle: &str, container: &str, guarantees: &[Guarantee]) -> Record<'static> {
    Record::Held {
        bottle: Cow::Owned(bottle.to_owned()),
        container: Cow::Owned(container.to_owned()),
        guarantees: Cow::Owned(guarantees.to_vec()),
    }
}

/// What was held stands until its container goes, and through a journal that is written anew.
#[test]
fn what_was_held_goes_with_the_container_alone() {
    let (dns, host) = (Guarantee::DnsClosed, Guarantee::HostClosed);
    let folder = tempfile::tempdir().unwrap();
    let write = |records: &[Record<'_>]| {
        let (mut journal, known) = Journal::open(folder.path()).unwrap();
        records.iter().for_each(|record| journal.push(record));
        journal.commit().unwrap();
        known.held
    };
    write(&[held("a", "1", &[dns]), held("b", "2", &[dns, host]), held("a", "1", &[host])]);
    // Long enough to be written anew.
    let many: Vec<Record<'_>> = (0..200).map(|_| end("x/agent/start", "d", None)).collect();
    let known = write(&many);
    assert_eq!(known["a"].guarantees, [host], "the last word counts");
    assert_eq!(known["b"], WasHeld { container: "2".to_owned(), guarantees: vec![dns, host] });
    let before = fs::metadata(folder.path().join(FILE)).unwrap().len();
    let known = write(&[removing("a/agent/create", Some("1"))]);
    assert!(fs::metadata(folder.path().join(FILE)).unwrap().len() < before, "it was not written anew");
    assert_eq!(known.len(), 2);
    assert_eq!(write(&[]).into_keys().collect::<Vec<_>>(), ["b"]);
}

/// A line behind damage may rest on what stood there: it only takes away.
#[test]
fn what_was_held_is_forgotten_behind_damage() {
    let mut bytes = written(&[held("a", "1", &[Guarantee::DnsClosed]), held("b", "2", &[Guarantee::DnsClosed])]);
    bytes.extend_from_slice(b"}{\n");
    append_line(&mut bytes, &held("a", "1", &[Guarantee::HostClosed])).unwrap();
    let known = replay(&bytes).unwrap();
    assert!(known.damage.is_some());
    assert_eq!(known.held.into_keys().collect::<Vec<_>>(), ["b"]);
}

fn begin(address: &str) -> Record<'static> {
    Record::Begin { address: Cow::Owned(at(address)), digest: Cow::Owned(Digest::recorded("d")) }
}

fn end(address: &str, digest: &str, container: Option<&str>) -> Record<'static> {
    let done = done(digest, container);
    Record::End {
        address: Cow::Owned(at(address)),
        digest: Cow::Owned(done.digest),
        inputs: Cow::Owned(done.inputs),
        container: done.container.map(Cow::Owned),
        since: None,
    }
}

fn removing(address: &str, container: Option<&str>) -> Record<'static> {
    Record::Removing { address: Cow::Owned(at(address)), container: container.map(|id| Cow::Owned(id.to_owned())) }
}

fn written(records: &[Record<'_>]) -> Vec<u8> {
    let memory = Memory::default();
    let mut journal = Journal::on(memory.clone());
    for record in records {
        journal.push(record);
    }
    journal.commit().unwrap();
    memory.bytes()
}

fn known(records: &[Record<'_>]) -> Vec<String> {
    let known = replay(&written(records)).unwrap();
    assert_eq!(known.damage, None);
    known.done.keys().map(Address::to_string).collect()
}

#[test]
fn an_end_is_known_until_its_operation_begins_again() {
    assert_eq!(known(&[begin("a"), end("a", "1", None)]), ["a"]);
    assert!(known(&[begin("a")]).is_empty());
    assert!(known(&[begin("a"), end("a", "1", None), begin("a")]).is_empty());
    let failed = Record::Failed { address: Cow::Owned(at("a")) };
    assert!(known(&[begin("a"), end("a", "1", None), begin("a"), failed]).is_empty());
}

#[test]
fn the_last_end_is_what_is_known() {
    let bytes = written(&[begin("a"), end("a", "1", Some("x")), begin("a"), end("a", "2", Some("y"))]);
    assert_eq!(replay(&bytes).unwrap().done, BTreeMap::from([(at("a"), done("2", Some("y")))]));
}

#[test]
fn with_a_container_goes_what_was_done_to_it() {
    let before = [end("create", "1", Some("x")), end("copy", "1", Some("x")), end("image", "1", None)];
    let mut records = before.to_vec();
    records.push(removing("create", Some("x")));
    assert_eq!(known(&records), ["image"]);
    // What was done to another one since is not its any more.
    let mut records = before.to_vec();
    records.extend([end("copy", "1", Some("y")), removing("create", Some("x"))]);
    assert_eq!(known(&records), ["copy", "image"]);
    let mut records = before.to_vec();
    records.push(removing("image", None));
    assert_eq!(known(&records), ["copy", "create"]);
}

#[test]
fn a_line_that_was_cut_short_is_left_out() {
    let whole = written(&[end("a", "1", None), end("b", "1", None)]);
    for cut in 0..whole.len() {
        let known = replay(&whole[..cut]).unwrap();
        assert_eq!(known.damage, None, "cut at {cut}");
        assert!(known.done.len() <= 2);
    }
    let last = whole[..whole.len() - 2].to_vec();
    assert_eq!(replay(&last).unwrap().done.len(), 1);
}

#[test]
fn after_damage_knowledge_is_only_lost() {
    let mut bytes = written(&[end("a", "1", None), end("b", "1", None)]);
    bytes.extend_from_slice(b"\0\0\0\xff\n");
    let tail = written(&[begin("b"), end("b", "2", None), end("c", "1", None)]);
    let header = tail.iter().position(|byte| *byte == b'\n').unwrap();
    bytes.extend_from_slice(&tail[header + 1..]);
    let known = replay(&bytes).unwrap();
    assert_eq!(known.done, BTreeMap::from([(at("a"), done("1", None))]));
    assert_eq!(known.damage.unwrap().line, 4);
}

#[test]
fn a_later_version_is_an_error_and_a_missing_one_is_damage() {
    let error = replay(b"{\"version\":2}\n{\"unheard-of\":1}\n").unwrap_err();
    assert!(matches!(error, JournalError::Newer { found: 2, .. }), "{error}");
    let known = replay(b"hello\n").unwrap();
    assert_eq!((known.done.len(), known.damage.unwrap().line), (0, 1));
}

#[test]
fn nothing_is_durable_before_a_commit() {
    let memory = Memory::default();
    let mut journal = Journal::on(memory.clone());
    journal.push(&end("a", "1", None));
    assert!(memory.bytes().is_empty());
    journal.commit().unwrap();
    assert_eq!(replay(&memory.bytes()).unwrap().done.len(), 1);
}

struct Full;

impl Disk for Full {
    fn append(&mut self, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::StorageFull.into())
    }
}

#[test]
fn after_an_error_every_commit_fails() {
    let mut journal = Journal::on(Full);
    assert!(journal.commit().is_err());
    assert!(journal.commit().is_err());
}

#[test]
fn a_file_is_made_continued_and_closed_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let (mut journal, known) = Journal::open(folder.path()).unwrap();
    assert!(known.done.is_empty() && known.damage.is_none());
    journal.push(&end("a", "1", None));
    journal.commit().unwrap();
    drop(journal);
    let (mut journal, known) = Journal::open(folder.path()).unwrap();
    assert_eq!(known.done.len(), 1);
    journal.push(&end("b", "1", None));
    journal.commit().unwrap();
    assert_eq!(read(folder.path()).unwrap().done.len(), 2);
    let mode = fs::metadata(folder.path().join(FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_was_cut_short_does_not_spoil_what_is_appended() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let whole = written(&[end("a", "1", None), end("b", "1", None)]);
    fs::write(&path, &whole[..whole.len() - 5]).unwrap();
    let (mut journal, _) = Journal::open(folder.path()).unwrap();
    journal.push(&end("c", "1", None));
    journal.commit().unwrap();
    let known = read(folder.path()).unwrap();
    assert_eq!(known.damage, None);
    assert_eq!(known.done.keys().map(Address::as_str).collect::<Vec<_>>(), ["a", "c"]);
}

#[test]
fn damage_is_said_once_and_then_gone() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = written(&[end("a", "1", None)]);
    bytes.extend_from_slice(b"what?\n");
    fs::write(folder.path().join(FILE), bytes).unwrap();
    let (_, first) = Journal::open(folder.path()).unwrap();
    assert!(first.damage.unwrap().to_string().contains("from line 3 on"));
    let (_, second) = Journal::open(folder.path()).unwrap();
    assert_eq!((second.damage, second.done.len()), (None, 1));
}

#[test]
fn a_long_journal_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    let (mut journal, _) = Journal::open(folder.path()).unwrap();
    for round in 0..200 {
        journal.push(&begin("a"));
        journal.push(&end("a", &round.to_string(), None));
    }
    journal.commit().unwrap();
    let long = fs::metadata(&path).unwrap().len();
    let (_, known) = Journal::open(folder.path()).unwrap();
    assert!(fs::metadata(&path).unwrap().len() < long / 50);
    assert_eq!(known.done[&at("a")].digest, Digest::recorded("199"));
    assert_eq!(read(folder.path()).unwrap().done, known.done);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left lying about");
}

#[test]
fn what_was_done_to_containers_that_are_gone_is_pruned() {
    let mut done = BTreeMap::from([(at("copy"), done("1", Some("x"))), (at("image"), done("1", None))]);
    prune(&mut done, &Observation::default());
    assert_eq!(done.keys().map(Address::as_str).collect::<Vec<_>>(), ["image"]);
}

fn any_record() -> impl Strategy<Value = Record<'static>> {
    let address = prop::sample::select(vec!["a", "b", "c"]);
    let container = prop::option::of(prop::sample::select(vec!["x", "y"]));
    (0..5u8, address, container, "[0-9]").prop_map(|(kind, address, container, digest)| match kind {
        0 => begin(address),
        1 => end(address, &digest, container),
        2 => Record::Failed { address: Cow::Owned(at(address)) },
        3 => removing(address, container),
        _ => Record::Removed { address: Cow::Owned(at(address)) },
    })
}

/// What records come to, the slow and plain way.
fn plainly(records: &[Record<'_>]) -> BTreeMap<Address, Done> {
    let mut known: BTreeMap<Address, Done> = BTreeMap::new();
    for record in records {
        match record.clone() {
            Record::Held { .. } => {}
            Record::Begin { address, .. } | Record::Failed { address } | Record::Removed { address } => {
                known.remove(address.as_ref());
            }
            Record::Removing { address, container } => {
                known.remove(address.as_ref());
                known.retain(|_, done| container.is_none() || done.container.as_deref() != container.as_deref());
            }
            Record::End { address, digest, inputs, container, since } => {
                let done = Done {
                    digest: digest.into_owned(),
                    inputs: inputs.into_owned(),
                    container: container.map(Cow::into_owned),
                    since: since.map(Cow::into_owned),
                };
                known.insert(address.into_owned(), done);
            }
        }
    }
    known
}

proptest! {
    #[test]
    fn replay_comes_to_what_was_written(records in prop::collection::vec(any_record(), 0..40)) {
        prop_assert_eq!(replay(&written(&records)).unwrap().done, plainly(&records));
    }

    #[test]
    fn no_bytes_are_too_odd(bytes in prop::collection::vec(any::<u8>(), 0..400), cut in any::<prop::sample::Index>()) {
        let mut odd = written(&[end("a", "1", None), begin("b"), end("b", "1", Some("x"))]);
        let place = cut.index(odd.len());
        odd.splice(place..place, bytes);
        let _ = replay(&odd);
    }
}
