//! JSON as Foundation writes it: sorted keys, `/` escaped, one line; or indented with a space before each colon.

use serde_json::Value;

pub(crate) fn compact(value: &Value) -> String {
    let mut text = String::new();
    write(value, None, 0, &mut text);
    text
}

pub(crate) fn pretty(value: &Value) -> String {
    let mut text = String::new();
    write(value, Some(()), 0, &mut text);
    text
}

fn write(value: &Value, pretty: Option<()>, depth: usize, text: &mut String) {
    let line = |depth: usize, text: &mut String| {
        if pretty.is_some() {
            text.push('\n');
            text.push_str(&"  ".repeat(depth));
        }
    };
    match value {
        Value::Array(items) => {
            text.push('[');
            for (number, item) in items.iter().enumerate() {
                if number > 0 {
                    text.push(',');
                }
                line(depth + 1, text);
                write(item, pretty, depth + 1, text);
            }
            if items.is_empty() {
                line(0, text);
            }
            line(depth, text);
            text.push(']');
        }
        Value::Object(entries) => {
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by_key(|(key, _)| *key);
            text.push('{');
            for (number, (key, item)) in sorted.into_iter().enumerate() {
                if number > 0 {
                    text.push(',');
                }
                line(depth + 1, text);
                string(key, text);
                text.push_str(if pretty.is_some() { " : " } else { ":" });
                write(item, pretty, depth + 1, text);
            }
            if entries.is_empty() {
                line(0, text);
            }
            line(depth, text);
            text.push('}');
        }
        Value::String(content) => string(content, text),
        other => text.push_str(&other.to_string()),
    }
}

fn string(content: &str, text: &mut String) {
    text.push_str(&Value::from(content).to_string().replace('/', "\\/"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_foundations() {
        let value = serde_json::json!({"b": ["a/b", 1], "a": {}, "c": []});
        assert_eq!(compact(&value), r#"{"a":{},"b":["a\/b",1],"c":[]}"#);
        let expected = "{\n  \"a\" : {\n\n  },\n  \"b\" : [\n    \"a\\/b\",\n    1\n  ],\n  \"c\" : [\n\n  ]\n}";
        assert_eq!(pretty(&value), expected);
    }
}
