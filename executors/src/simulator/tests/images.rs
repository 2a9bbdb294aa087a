use bottle_planner::intent::{Build, Context as BuildContext};
use bottle_planner::source::SourcePath;

use super::*;

fn build(image: &str, context: BuildContext) -> Step {
    Step::BuildImage(Build {
        image: ImageName(image.to_owned()),
        context,
        args: BTreeMap::new(),
        content: Digest::of(b"content"),
    })
}

fn folder(dockerfile: &str) -> BuildContext {
    BuildContext::Folder { folder: SourcePath::new("."), dockerfile: dockerfile.to_owned() }
}

fn baked(base: &str) -> BuildContext {
    let entries = vec![text("/home/node/workspace/f", "x", Owner::Name("node".to_owned()))];
    BuildContext::Baked { base: ImageName(base.to_owned()), files: Archive { entries }, stage: None }
}

#[test]
fn pulling_twice_keeps_the_image() {
    let bench = Bench::new("simulator");
    bench.ok(pull("node:22"));
    let first = bench.engine.by_hand().image("node:22").unwrap();
    bench.ok(pull("node:22"));
    assert_eq!(bench.engine.by_hand().image("node:22").unwrap(), first);
    assert!(bench.seen().images.is_empty(), "what was pulled is not ours");
    assert!(bench.seen().image_names.contains("node:22"));
    bench.engine.by_hand().remove_image("node:22").unwrap();
    assert!(bench.seen().image_names.is_empty());
}

#[test]
fn an_image_has_one_name_in_all_its_spellings() {
    let bench = Bench::new("simulator");
    bench.ok(pull("docker.io/library/node"));
    bench.ok(pull("node:latest"));
    bench.ok(pull("r.org:5000/a/b:1@sha256:0123"));
    let names: Vec<String> = bench.seen().image_names.into_iter().collect();
    assert_eq!(names, ["node:latest", "r.org:5000/a/b@sha256:0123"]);
    let wanted = bottle_planner::intent::Container { image: ImageName("node".to_owned()), ..container("c", &[]) };
    bench.ok(Step::CreateContainer(Box::new(wanted)));
}

#[test]
fn a_build_needs_its_dockerfile_and_gets_labels() {
    let bench = Bench::new("simulator");
    assert!(bench.no(build("i:1", folder("Dockerfile"))).contains("failed to read dockerfile: open Dockerfile"));
    std::fs::write(bench.root.path().join("Dockerfile"), "FROM scratch").unwrap();
    bench.run("shared/image/build", build("i:1", folder("Dockerfile"))).unwrap();
    let seen = bench.seen().images;
    assert_eq!(seen[0].names, ["i:1"]);
    assert_eq!(seen[0].labels.address, Address::recorded("shared/image/build"));
    assert_eq!(seen[0].labels.digest.to_string(), Digest::of(b"shared/image/build").short());
    assert!(seen[0].id.starts_with("sha256:"));
    bench.run("shared/image/build", build("i:1", folder("Dockerfile"))).unwrap();
    assert_eq!(bench.seen().images, seen, "the same again comes from the cache");
    bench.run("shared/image/other", build("i:1", folder("Dockerfile"))).unwrap();
    let names: Vec<_> = bench.seen().images.into_iter().map(|image| image.names).collect();
    assert_eq!(names, [vec![], vec!["i:1".to_owned()]], "the name went over to the new image");
}

#[test]
fn an_image_without_a_name_goes_unless_a_build_names_it_again() {
    let bench = Bench::new("simulator");
    std::fs::write(bench.root.path().join("Dockerfile"), "FROM scratch").unwrap();
    let hand = bench.engine.by_hand();
    let build = || bench.run("shared/image/build", build("i:1", folder("Dockerfile"))).unwrap();
    build();
    let built = bench.seen().images;
    let id = built[0].id.as_str();
    hand.unname_image("i:1").unwrap();
    assert_eq!((bench.seen().images[0].names.len(), bench.seen().images[0].id.as_str()), (0, id));
    build();
    assert_eq!(bench.seen().images, built, "the cache has it still");
    bench.remove(object(ObjectKind::Image, id, id)).unwrap();
    assert_eq!(bench.seen().images, built, "it is no leftover any more");
    hand.unname_image("i:1").unwrap();
    bench.remove(object(ObjectKind::Image, id, id)).unwrap();
    assert!(bench.seen().images.is_empty());
}

#[test]
fn a_baked_image_needs_its_base_and_gives_its_files_to_containers() {
    let bench = Bench::new("simulator");
    assert!(bench.no(build("node:22", baked("base:1"))).contains("base:1: not found"));
    bench.ok(pull("base:1"));
    bench.ok(build("node:22", baked("base:1")));
    bench.ok(new_container("c", &[]));
    let stored = bench.engine.by_hand().file("c", "/home/node/workspace/f").unwrap().unwrap();
    assert_eq!((stored.uid, stored.mode), (1000, 0o644));
    assert!(
        bench
            .no(copy("c", vec![text("/home/node/workspace", "x", Owner::ROOT)]))
            .contains("cannot overwrite directory")
    );
}

#[test]
fn an_image_with_containers_stays() {
    let bench = Bench::with_container("simulator", &[]);
    let hand = bench.engine.by_hand();
    assert!(hand.remove_image("node:22").unwrap_err().contains("is using its referenced image"));
    hand.remove_container("c").unwrap();
    hand.remove_image("node:22").unwrap();
    assert!(hand.image("node:22").unwrap().is_none());
}
