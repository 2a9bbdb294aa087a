//! Labels: of containers, which break at a second `=`, and of networks and volumes, which have a grammar.

use std::collections::BTreeMap;

use crate::failure::Failure;

pub(crate) fn of_container(labels: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut all = BTreeMap::new();
    for label in labels {
        let (key, value) = match label.split('=').collect::<Vec<_>>().as_slice() {
            [key] => ((*key).to_owned(), String::new()),
            [key, value] => ((*key).to_owned(), (*value).to_owned()),
            // What 1.2.2 does loses the `=`. A caller that relies on it is wrong: refused here, without a text of `container`.
            [_, _, ""] => {
                return Err(Failure::double(format_args!("label {label} would silently lose its last `=`")));
            }
            _ => return Err(Failure::new(format_args!("invalid label format {label}"))),
        };
        all.insert(key, value);
    }
    Ok(all)
}

/// The texts of these errors are not known, their codes are.
pub(crate) fn of_resource(labels: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut all = BTreeMap::new();
    for label in labels {
        // An empty value becomes part of the key, which then has an `=`.
        let (key, value) = match label.split_once('=') {
            Some((_, "")) | None => (label.as_str(), ""),
            Some(pair) => pair,
        };
        if key.is_empty() || key.len() > 128 {
            return Err(Failure::new(format_args!("invalid_label_key_length: {key}")));
        }
        if !is_key(key) {
            return Err(Failure::new(format_args!("invalid_label_key_content: {key}")));
        }
        if key.len() + 1 + value.len() > 4096 {
            return Err(Failure::new(format_args!("invalid_label_length: {key}")));
        }
        all.insert(key.to_owned(), value.to_owned());
    }
    Ok(all)
}

/// Lowercase words of letters, digits and inner dashes, apart by dots, with one `/` at most.
fn is_key(key: &str) -> bool {
    let word = |word: &str| {
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !word.is_empty() && word.bytes().all(inner) && !word.starts_with('-') && !word.ends_with('-')
    };
    key.split('/').count() <= 2 && key.split('/').all(|part| part.split('.').all(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(labels: &[&str]) -> Vec<String> {
        labels.iter().map(|label| (*label).to_owned()).collect()
    }

    #[test]
    fn a_second_equals_sign_breaks_a_containers_label() {
        assert_eq!(of_container(&texts(&["a.B_c=d"])).unwrap()["a.B_c"], "d");
        let failure = of_container(&texts(&["k=a=b"])).unwrap_err();
        assert_eq!((failure.exit, failure.text.as_str()), (1, "Error: invalid label format k=a=b"));
        assert!(of_container(&texts(&["k=abc="])).is_err());
    }

    #[test]
    fn keys_of_networks_are_lowercase() {
        assert_eq!(of_resource(&texts(&["org.example/a-b=C=d"])).unwrap()["org.example/a-b"], "C=d");
        for bad in ["A=b", "a_b=c", "a=", "a..b=c", "a/b/c=d", "-a=b", "a", "=b"] {
            assert_eq!(of_resource(&texts(&[bad])).is_ok(), bad == "a", "{bad}");
        }
        let long = format!("{}=x", "a".repeat(129));
        assert_eq!(of_resource(&[long]).unwrap_err().exit, 1);
    }
}
