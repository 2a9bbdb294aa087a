//! Failures that a test asks for.

use bottle_planner::address::Address;
use globset::GlobBuilder;
use serde::{Deserialize, Serialize};

/// A failure that a test asks for. It is kept in the state file, so that one process can ask and another fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Which operations and removals fail: an address, in which `*` stands for anything.
    pub address: String,
    /// How many more times.
    pub times: u32,
    /// What the engine says.
    pub said: String,
    /// Whether what was asked for is done before it fails, as when the answer is lost on its way.
    pub done: bool,
}

impl Fault {
    fn fits(&self, address: &Address) -> bool {
        self.address == address.as_str()
            || GlobBuilder::new(&self.address)
                .build()
                .is_ok_and(|pattern| pattern.compile_matcher().is_match(address.as_str()))
    }
}

/// The first failure that an address meets, and what remains of all of them after it.
pub(super) fn met(faults: &[Fault], address: &Address) -> Option<(Fault, Vec<Fault>)> {
    let at = faults.iter().position(|fault| fault.times > 0 && fault.fits(address))?;
    let mut left = faults.to_vec();
    left[at].times -= 1;
    let fault = left[at].clone();
    left.retain(|fault| fault.times > 0);
    Some((fault, left))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_meets_its_addresses_as_often_as_asked() {
        let fault = |address: &str, times| Fault { address: address.into(), times, said: "no".into(), done: false };
        let start = Address::recorded("one/agent/start");
        assert!(met(&[fault("one/agent/star", 1)], &start).is_none());
        assert!(met(&[fault("two/*", 1)], &start).is_none());
        assert!(met(&[fault("*/start", 0)], &start).is_none());
        for pattern in ["one/agent/start", "*/start", "one/*", "*"] {
            let (_, left) = met(&[fault(pattern, 2)], &start).unwrap();
            assert_eq!(left, [fault(pattern, 1)]);
            assert!(met(&left, &start).unwrap().1.is_empty());
        }
        let bracket = Address::recorded("one/agent/copy:[x");
        assert!(met(&[fault("one/agent/copy:[x", 1)], &bracket).is_some(), "an address is no pattern");
    }
}
