//! The files and folders of the host that a plan reads, or lets a guest write.

use std::collections::BTreeSet;
use std::fmt;

use crate::intent::{Archive, Content, Context, MountSource, Step, Tracking};
use crate::plan::Plan;
use crate::source::SourcePath;

/// What is done with a path of the host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileUse {
    /// Mounted: what the guest writes there, it writes on the host.
    Mounted {
        /// Where in the guest.
        to: String,
    },
    /// Copied into a guest.
    Copied {
        /// Where in the guest.
        to: String,
    },
    /// Copied into a guest once, as it is then: a workspace.
    Given {
        /// Where in the guest.
        to: String,
    },
    /// Laid into an image.
    Baked {
        /// Where in the guest.
        to: String,
    },
    /// What an image is built from.
    Built,
}

impl fmt::Display for FileUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mounted { to } => write!(f, "MOUNTED at {to}: what the guest writes there is written on this host"),
            Self::Copied { to } => write!(f, "copied to {to}"),
            Self::Given { to } => write!(f, "copied once to {to}"),
            Self::Baked { to } => write!(f, "baked into the image at {to}"),
            Self::Built => f.write_str("built into an image"),
        }
    }
}

/// One path of the host, and what one bottle does with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileRead {
    /// The path, as the manifest wrote it.
    pub path: SourcePath,
    /// What for.
    pub used: FileUse,
    /// The bottle; `None` for what bottles share.
    pub bottle: Option<String>,
}

/// Every file and folder of the host that a plan reads or mounts. Secrets are not among them.
#[must_use]
pub fn file_reads(plan: &Plan) -> BTreeSet<FileRead> {
    let mut reads = BTreeSet::new();
    for operation in plan.entries.iter().filter_map(|entry| entry.operation.as_ref()) {
        let mut read = |path: &SourcePath, used| {
            let bottle = operation.address.bottle().map(str::to_owned);
            reads.insert(FileRead { path: path.clone(), used, bottle });
        };
        match &operation.step {
            Step::CreateContainer(container) => {
                for mount in &container.mounts {
                    if let MountSource::Host(path) = &mount.from {
                        read(path, FileUse::Mounted { to: mount.to.clone() });
                    }
                }
            }
            Step::CopyIn(copy) => {
                for (path, to) in of_host(&copy.files) {
                    read(
                        path,
                        match copy.tracked {
                            Tracking::Content(_) => FileUse::Copied { to },
                            Tracking::Once => FileUse::Given { to },
                        },
                    );
                }
            }
            Step::Stage(stage) => of_host(&stage.files).for_each(|(path, to)| read(path, FileUse::Copied { to })),
            Step::BuildImage(build) => match &build.context {
                Context::Folder { folder, .. } => read(folder, FileUse::Built),
                Context::Baked { files, .. } => {
                    of_host(files).for_each(|(path, to)| read(path, FileUse::Baked { to }));
                }
            },
            _ => {}
        }
    }
    reads
}

fn of_host(files: &Archive) -> impl Iterator<Item = (&SourcePath, String)> {
    files.entries.iter().filter_map(|entry| match &entry.content {
        Content::Host(path) => Some((path, entry.path.clone())),
        Content::Folder | Content::Text(_) => None,
    })
}
