//! The strict allowlist, as pipelock reads it: entries are not validated, and one that makes no sense matches nothing.

/// The entries.
#[derive(Debug)]
pub(crate) struct Allowlist(Vec<String>);

impl Allowlist {
    pub(crate) fn new(entries: &[String]) -> Self {
        Self(entries.iter().map(|entry| entry.to_ascii_lowercase()).collect())
    }

    /// Whether a host is listed. The host is in lower case. `*.x` lists every name below `x`, and `x` itself.
    pub(crate) fn lists(&self, host: &str) -> bool {
        self.0.iter().any(|entry| match entry.strip_prefix("*.") {
            Some(zone) => host == zone || host.strip_suffix(zone).is_some_and(|below| below.ends_with('.')),
            None => host == entry,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(entry: &str, host: &str) -> bool {
        Allowlist::new(&[entry.to_owned()]).lists(host)
    }

    #[test]
    fn a_name_lists_itself_only() {
        assert!(lists("api.example.org", "api.example.org"));
        assert!(lists("API.Example.org", "api.example.org"));
        for other in ["example.org", "x.api.example.org", "xapi.example.org", "api.example.org.evil", "api.example.or"]
        {
            assert!(!lists("api.example.org", other), "{other}");
        }
    }

    #[test]
    fn a_wildcard_lists_the_zone_and_what_is_below_it() {
        for host in ["example.org", "a.example.org", "a.b.example.org"] {
            assert!(lists("*.example.org", host), "{host}");
        }
        for other in ["badexample.org", "example.org.evil", "org"] {
            assert!(!lists("*.example.org", other), "{other}");
        }
        assert!(lists("*.com", "anything.com"));
    }

    #[test]
    fn entries_that_make_no_sense_list_nothing() {
        for entry in ["*", "https://a.com/x", "a.com:443", "", "a.*"] {
            for host in ["a.com", "a.b", "x"] {
                assert!(!lists(entry, host), "{entry} {host}");
            }
        }
    }
}
