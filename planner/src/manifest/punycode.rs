//! The ASCII form of a label with other letters (RFC 3492), for what an error suggests.

const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const FIRST_BIAS: u32 = 72;
const FIRST_CODE: u32 = 128;

/// A label as DNS knows it: itself when it is ASCII, else `xn--...`. `None` when it is too long to have such a form.
pub(super) fn label(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    if lower.is_ascii() {
        return Some(lower);
    }
    Some(format!("xn--{}", encode(&lower)?))
}

fn encode(text: &str) -> Option<String> {
    let mut out: String = text.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(out.len()).ok()?;
    if basic > 0 {
        out.push('-');
    }
    let total = u32::try_from(text.chars().count()).ok()?;
    let (mut code, mut delta, mut bias, mut done) = (FIRST_CODE, 0_u32, FIRST_BIAS, basic);
    while done < total {
        let next = text.chars().map(u32::from).filter(|c| *c >= code).min()?;
        delta = delta.checked_add((next - code).checked_mul(done + 1)?)?;
        code = next;
        for c in text.chars().map(u32::from) {
            if c < code {
                delta = delta.checked_add(1)?;
            }
            if c == code {
                variable_length(&mut out, delta, bias)?;
                bias = adapted(delta, done + 1, done == basic);
                delta = 0;
                done += 1;
            }
        }
        delta = delta.checked_add(1)?;
        code += 1;
    }
    Some(out)
}

fn variable_length(out: &mut String, number: u32, bias: u32) -> Option<()> {
    let mut rest = number;
    for k in (BASE..).step_by(BASE as usize) {
        let threshold = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
        if rest < threshold {
            break;
        }
        out.push(digit(threshold + (rest - threshold) % (BASE - threshold))?);
        rest = (rest - threshold) / (BASE - threshold);
    }
    out.push(digit(rest)?);
    Some(())
}

fn digit(number: u32) -> Option<char> {
    char::from_digit(number.checked_sub(26).unwrap_or(number + 10), BASE)
}

fn adapted(delta: u32, points: u32, first: bool) -> u32 {
    let mut delta = if first { delta / DAMP } else { delta / 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > ((BASE - T_MIN) * T_MAX) / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn known_names() {
        for (text, expected) in [
            ("bücher", "xn--bcher-kva"),
            ("München", "xn--mnchen-3ya"),
            ("faß", "xn--fa-hia"),
            ("例え", "xn--r8jz45g"),
            ("пример", "xn--e1afmkfd"),
            ("한국", "xn--3e0b707e"),
            ("plain", "plain"),
        ] {
            assert_eq!(label(text).as_deref(), Some(expected), "{text}");
        }
    }
}
